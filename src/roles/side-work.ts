import type { AgentCommandName } from '../recording/events.ts';
import type { AgentParts } from './agent-parts.ts';
import { hookNotice } from './efm-notices.ts';
import type { AgentRequest } from './host.ts';
import { heartbeatPeriodMs } from './membership.ts';

/** Pause between two looks whether the virtual IP is free; EFM says only that it retries (docs/method.md E11). */
const vipRetryMs = 1000;

/**
 * How long an agent waits for others that try a database: each of them gives up after remote.timeout, and its answer needs
 * its time too (docs/method.md E17).
 */
export function verifyLimitMs({ settings }: Pick<AgentParts, 'settings'>): number {
  return settings.remoteTimeoutMs + heartbeatPeriodMs;
}

type Answer = (ok: boolean, detail: string | null) => void;

/** What work for another agent needs of this one. */
export type SideWorker = Pick<AgentParts, 'settings' | 'host' | 'node' | 'perform' | 'notify'>;

/** Another agent asks whether this one can reach a database (method.md EFM procedure C); its own work goes on meanwhile. */
export function verifyDatabase(agent: SideWorker, node: string, answer: Answer): void {
  agent.perform(
    'verifyDatabase',
    { type: 'queryDatabase', node, timeoutMs: agent.settings.remoteTimeoutMs },
    { target: node, done: ({ ok, detail }) => answer(ok, detail) },
  );
}

/** The promoting agent has this one run its remote hook. */
export function runRemoteHook(
  agent: SideWorker,
  request: Extract<AgentRequest, { kind: 'hook' }>,
  answer: Answer,
): void {
  const { hook, primary } = request;
  const name: AgentCommandName =
    hook === 'script.remote.pre.promotion' ? 'remotePrePromotion' : 'remotePostPromotion';
  agent.perform(
    name,
    { type: 'runScript', hook, placeholders: { p: primary } },
    {
      target: agent.node,
      done: ({ ok, detail }) => {
        const told = hookNotice(hook, { ok, nativePgpool: false });
        if (told) agent.notify(told);
        answer(ok, detail);
      },
    },
  );
}

/**
 * Before a promotion: the virtual IP must not answer, within check.vip.timeout; then the well-known host must, at the
 * first try (method.md EFM procedure E). Raises the notice when not; `detail` says which it was.
 */
export function checkVip(agent: SideWorker, answer: Answer): void {
  const { clock } = agent.host;
  const { checkVipTimeoutMs } = agent.settings;
  const lateMs = clock.nowMs() + checkVipTimeoutMs;
  const pingHost = (): void => {
    const done = ({ ok }: { ok: boolean }): void => {
      if (!ok) agent.notify('orphaned');
      answer(ok, ok ? null : 'the standby appears to be orphaned');
    };
    agent.perform('checkWellKnownHost', { type: 'ping', target: 'wellKnown' }, { target: agent.node, done });
  };
  const pingVip = (): void => {
    const done = ({ ok }: { ok: boolean }): void => {
      if (!ok) pingHost();
      else if (clock.nowMs() < lateMs) clock.setTimeout(pingVip, vipRetryMs);
      else {
        agent.notify('vipStillAssigned');
        answer(false, 'the VIP appears to be assigned still');
      }
    };
    agent.perform('checkVip', { type: 'ping', target: 'vip' }, { target: agent.node, done });
  };
  pingVip();
}

/** 3.9 holds the replay of its standbys while it chooses one of them (method.md EFM F). */
export function pauseReplay(agent: SideWorker, paused: boolean, answer: Answer): void {
  const name = paused ? 'pauseReplay' : 'resumeReplay';
  agent.perform(
    name,
    { type: name },
    {
      target: agent.node,
      done: ({ ok, detail }) => {
        if (!ok && !paused) agent.notify('replayNotResumed');
        answer(ok, detail);
      },
    },
  );
}

/** A switchover's old primary is to recover with what a standby recovers with now (method.md EFM 2.9). */
export function readRecoverySettings(agent: SideWorker, answer: Answer): void {
  agent.perform(
    'readRecoverySettings',
    { type: 'readRecoverySettings' },
    { target: agent.node, done: ({ ok, detail }) => answer(ok, detail) },
  );
}

/** What EFM finds odd in its settings when an agent starts (method.md EFM 1.1, 1.2, 2.11). */
export function noticeSettings(agent: AgentParts): void {
  const { pingServerIp, remoteTimeoutMs, localTimeoutMs, primaryShutdownAsFailure } = agent.settings;
  if (/^(127\.|::1$|localhost$)/.test(pingServerIp)) agent.notify('loopbackPing');
  if (remoteTimeoutMs > localTimeoutMs) agent.notify('timeoutValues');
  if (primaryShutdownAsFailure && agent.role === 'primary') agent.notify('shutdownAsFailureSet');
}
