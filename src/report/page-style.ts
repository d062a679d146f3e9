/** The page's own style: light and dark by the reader's setting, light on paper. Inks are told apart without red and green. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2733; --soft: #5b6875; --rule: #d5dbe1; --panel: #f5f7f9;
  --read: #0072b2; --read-p50: #74b3d8; --write: #c05000; --write-p50: #e5a77a;
  --failed: #b3267b; --unknown: #6b4fa0; --skipped: #8a8f98;
  --outage: rgba(179, 38, 123, 0.16); --band: rgba(90, 110, 130, 0.12); --change: #5b6875;
  --server0: #6699cc; --server1: #44aa99; --server2: #ddcc77; --server3: #cc6677; --server4: #aa4499; --server5: #999933;
  --pass: #00665c; --fail: #a3145f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14191f; --ink: #e6ebf0; --soft: #9eabb8; --rule: #36414c; --panel: #1c232b;
    --read: #56b4e9; --read-p50: #2f7aa6; --write: #f0a040; --write-p50: #a06a28;
    --failed: #f07fc0; --unknown: #b7a0ea; --skipped: #8d97a2;
    --outage: rgba(240, 127, 192, 0.22); --band: rgba(160, 180, 200, 0.13); --change: #9eabb8;
    --pass: #5fd0bf; --fail: #f58cc5;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 60px; max-width: 1240px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 36px 0 8px; border-bottom: 1px solid var(--rule); padding-bottom: 4px; }
h3 { font-size: 15px; margin: 20px 0 2px; }
p, ul { margin: 4px 0 10px; } ul { padding-left: 20px; }
.soft { color: var(--soft); } .small { font-size: 13px; }
.verdict { display: inline-block; padding: 1px 10px; border-radius: 4px; border: 2px solid currentcolor; font-weight: 700;
  font-size: 16px; letter-spacing: 0.05em; text-transform: uppercase; margin-right: 8px; color: var(--fail); }
.verdict.pass { color: var(--pass); } .verdict.unknown { color: var(--soft); }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 10px; margin: 16px 0; }
.key { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 8px 12px; }
.key b { display: block; font-size: 21px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.key span { font-size: 13px; color: var(--soft); display: block; }
.caution { border-left: 4px solid var(--write); background: var(--panel); padding: 8px 12px; margin: 10px 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; margin: 6px 0 12px; }
caption { text-align: left; color: var(--soft); font-size: 13px; padding-bottom: 2px; }
th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; color: var(--soft); } .number { text-align: right; white-space: nowrap; }
.scroll { overflow-x: auto; } .scroll td:nth-child(2):not(.number) { min-width: 11ch; } .phases td:nth-child(2) { min-width: 26ch; }
details .scroll { max-height: 340px; overflow: auto; } details { margin: 2px 0 14px; }
summary { cursor: pointer; color: var(--soft); font-size: 13px; }
.chart { width: 100%; min-height: 60px; }
.uplot { font-family: inherit; } .u-legend { font-size: 13px; text-align: left; }
.u-legend .u-value { font-variant-numeric: tabular-nums; min-width: 5ch; display: inline-block; }
.marks { columns: 3 220px; font-size: 13px; color: var(--soft); padding-left: 24px; margin: 4px 0; }
svg.timeline { width: 100%; height: auto; display: block; background: var(--panel); border-radius: 6px; margin: 6px 0; }
svg.timeline text { fill: var(--ink); font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
svg.timeline .tick, svg.timeline .bound { fill: var(--soft); font-size: 12px; } svg.timeline .span { font-size: 12px; }
svg.timeline .grid { stroke: var(--rule); } svg.timeline .own { fill: var(--read); } svg.timeline .outage { fill: var(--failed); }
svg.timeline .simulated { fill: var(--paper); stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 4 2; }
.swatch { display: inline-block; width: 22px; height: 10px; border-radius: 2px; margin: 0 5px 0 12px; vertical-align: middle; }
.swatch.own { background: var(--read); margin-left: 0; } .swatch.outage { background: var(--failed); }
.swatch.simulated { border: 1.5px dashed var(--soft); }
.swatch.band { background: var(--band); margin-left: 0; } .swatch.silence { background: var(--outage); }
@media print {
  body { max-width: none; padding: 0; font-size: 12px; } details { display: none; }
  .key, svg.timeline, .chart, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
