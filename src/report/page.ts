import { chartLibrary } from './charts.ts';
import { escapeHtml, scriptJson } from './html-text.ts';
import { pageStyle } from './page-style.ts';

/** No request leaves the page, whatever it is given. */
const contentPolicy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/**
 * An HTML page that needs nothing but itself: style, chart library, script and data are inside.
 *
 * @param options.sections markup, in this order
 * @param options.data what the script reads as `data`
 * @param options.script plain JavaScript for a browser, behind `chartTools`
 */
export function selfContainedPage(options: {
  title: string;
  sections: readonly string[];
  data: unknown;
  script: string;
}): string {
  const { title, sections, data, script } = options;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - pgdrill</title>
<style>${chartLibrary('uPlot.min.css')}${pageStyle}</style>
</head>
<body>
${sections.filter((section) => section !== '').join('\n')}
<script type="application/json" id="page-data">${scriptJson(data)}</script>
<script>${chartLibrary('uPlot.iife.min.js')}</script>
<script>
(() => {
'use strict';
${chartTools}
${script}
})();
</script>
</body>
</html>
`;
}

/**
 * What the scripts of all pages share. `showAll(charts, draw)` draws the charts, and again where the theme or the printer changes
 * the inks; they follow the window's width.
 */
const chartTools = `
const data = JSON.parse(document.getElementById('page-data').textContent);
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim() || '#888888';
const axisFont = '12px system-ui, sans-serif';

const format = (value, digits) => (value === null || value === undefined ? '–' : Number(value.toPrecision(digits)).toString());

const axisStyle = () => ({ stroke: ink('soft'), grid: { stroke: ink('rule'), width: 1 }, ticks: { stroke: ink('rule') }, font: axisFont, labelFont: axisFont });

const showAll = (charts, draw) => {
  let plots = [];
  const drawAll = () => {
    for (const plot of plots) plot.destroy();
    plots = charts.map(draw);
    document.documentElement.dataset.charts = String(plots.length);
  };
  drawAll();
  for (const query of ['print', '(prefers-color-scheme: dark)']) matchMedia(query).addEventListener('change', drawAll);
  addEventListener('resize', () => {
    for (const plot of plots) plot.setSize({ width: plot.root.parentElement.clientWidth, height: plot.height });
  });
};
`;
