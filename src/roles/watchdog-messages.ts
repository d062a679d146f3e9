import type { EventFromLogic } from 'xstate';
import type { WatchdogFailovers } from './watchdog-failovers.ts';
import type { WatchdogHost, WatchdogInfo, WatchdogMessage } from './watchdog-host.ts';
import { rankOf } from './watchdog-info.ts';
import type { WatchdogLink } from './watchdog-link.ts';
import type { watchdogMachine } from './watchdog-machine.ts';
import type { WatchdogMembers } from './watchdog-members.ts';

/** What a message of another node may reach in this one. */
export interface WatchdogDesk {
  id: number;
  host: WatchdogHost;
  members: WatchdogMembers;
  link: WatchdogLink;
  failovers: WatchdogFailovers;
  leader: () => number | null;
  follow: (leader: number | null) => void;
  info: () => WatchdogInfo;
  tell: (event: EventFromLogic<typeof watchdogMachine>) => void;
  lose: (node: number, by: 'connection' | 'lifeCheck') => void;
  /** A standby has joined this leader. */
  joined: (node: number) => void;
  /** A peer has made a new connection. */
  connected: (node: number) => void;
  /** A standby is this leader's no more. */
  left: (node: number) => void;
}

/** Takes one message of another watchdog node. */
export function takeMessage(desk: WatchdogDesk, from: number, message: WatchdogMessage): void {
  const { host, members, link, failovers, tell } = desk;
  members.heard(from, host.clock.nowMs(), 'info' in message ? message.info : undefined);
  const leader = desk.leader();
  switch (message.type) {
    case 'ask':
      if (message.anew) desk.connected(from);
      asked(desk, from, message);
      return;
    case 'answer':
      if (message.info.state === 'LEADER' && leader === null) desk.follow(from);
      if (message.backends) host.sync(message.backends);
      if (link.isCurrent(message.id)) tell({ type: 'answered', from, answer: message.answer });
      return;
    case 'goingDown':
      desk.lose(from, 'connection');
      return;
    case 'resigning':
    case 'lostYou':
      if (message.type === 'lostYou') desk.left(from);
      if (leader === from) desk.follow(null);
      tell({ type: 'changed' });
      if (message.type === 'lostYou') link.reconnect(from);
      return;
    case 'rejoin':
      if (leader === desk.id) meetRival(desk, from, message.info);
      else if (leader === from || leader === null) tell({ type: 'rejoin' });
      return;
    case 'waitingForVotes':
      host.renewQuarantined();
      return;
    case 'followLock':
      if (leader === from) host.lockFollow(message.held);
      return;
    case 'failoverEnd':
      if (leader === from) host.sync(message.backends);
      return;
    case 'request':
    case 'verdict':
      failovers.receive(from, message);
  }
}

/** Answers another node; a leader that accepts tells its nodes' states with it. */
export function answerNode(
  { host, link, leader, id: own }: Pick<WatchdogDesk, 'host' | 'link' | 'leader' | 'id'>,
  to: number,
  { id, answer }: { id: number; answer: 'accept' | 'reject' | 'error' },
): void {
  const leads = answer === 'accept' && leader() === own;
  link.answer(to, id, leads ? { answer, backends: host.backends() } : { answer });
}

function asked(
  desk: WatchdogDesk,
  from: number,
  { id, question, info }: Extract<WatchdogMessage, { type: 'ask' }>,
): void {
  const leads = desk.leader() === desk.id;
  switch (question) {
    case 'info':
      answerNode(desk, from, { id, answer: 'accept' });
      return;
    case 'stand':
      desk.tell({ type: 'stand', from, id, info });
      return;
    case 'declare':
      if (leads) meetRival(desk, from, info);
      desk.tell({ type: 'declared', from, id, info });
      return;
    case 'join':
      answerNode(desk, from, { id, answer: leads ? 'accept' : 'reject' });
      if (leads) desk.joined(from);
      return;
    case 'beacon':
      if (leads) meetRival(desk, from, info);
      else if (desk.leader() === null) desk.tell({ type: 'rejoin' });
      answerNode(desk, from, { id, answer: desk.leader() === from ? 'accept' : 'reject' });
  }
}

/** Two leaders: the one with quorum stays, then the escalated one, then the older. */
function meetRival({ info, tell, host }: WatchdogDesk, from: number, other: WatchdogInfo): void {
  const own = info();
  if (rankOf(own, other) < 0) tell({ type: 'outranked' });
  else host.send(from, { type: 'rejoin', info: own });
}
