import type { AgentParts } from './agent-parts.ts';
import type { Severity } from './efm-notices.ts';

const severities: readonly Severity[] = ['INFO', 'WARNING', 'SEVERE'];

/**
 * Runs `script.notification` for a notice of `notification.level` or above: subject and text are its first and second
 * argument (method.md EFM 1.3). Nobody waits for it.
 */
export function runNotificationScript(
  { settings, host, node, clusterName, vipActive }: AgentParts,
  { severity, subject }: { severity: Severity; subject: string },
): void {
  const { hooks, notificationLevel, notificationPrefix, databaseName, virtualIp } = settings;
  const told = severities.indexOf(severity) >= severities.indexOf(notificationLevel);
  if (hooks['script.notification'] === undefined || !told) return;
  const text = [
    ...(notificationPrefix === '' ? [] : [notificationPrefix]),
    `EFM node: ${node}`,
    `Cluster name: ${clusterName}`,
    `Database name: ${databaseName}`,
    ...(virtualIp === null ? [] : [`VIP: ${virtualIp} (${vipActive ? 'Active' : 'Inactive'})`]),
    subject,
  ].join('\n');
  const words = [`[${severity}] EFM ${subject}`, text];
  host.perform({ type: 'runScript', hook: 'script.notification', placeholders: {}, words }, () => {});
}
