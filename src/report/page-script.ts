/**
 * The page's own script, plain JavaScript for a browser: draws the charts of its data with uPlot, on one time axis,
 * with drills, outages and role changes behind them. Without it the page still has its tables and timelines.
 */
export const pageScript = `
  const sync = uPlot.sync('report');

  const band = (u, span, color) => {
    const left = Math.max(u.bbox.left, u.valToPos(span[0], 'x', true));
    const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(span[1], 'x', true));
    if (right <= left) return;
    u.ctx.fillStyle = color;
    u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), u.bbox.height);
  };

  const backdrop = (chart) => (u) => {
    u.ctx.save();
    for (const drill of data.drills) band(u, [drill.from, drill.to], ink('band'));
    for (const outage of chart.outages) band(u, outage, ink('outage'));
    u.ctx.restore();
  };

  const label = (u, text, x, y) => {
    u.ctx.fillText(text, Math.min(x, u.bbox.left + u.bbox.width - u.ctx.measureText(text).width), y);
  };

  const marks = (first) => (u) => {
    const { ctx, bbox } = u;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, 0, bbox.width, bbox.top + bbox.height);
    ctx.clip();
    ctx.strokeStyle = ink('change');
    ctx.lineWidth = ratio;
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    const inView = (at) => at >= u.scales.x.min && at <= u.scales.x.max;
    for (const change of data.changes.filter((one) => inView(one.at))) {
      const x = u.valToPos(change.at, 'x', true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    if (first) {
      ctx.textAlign = 'left';
      ctx.textBaseline = 'alphabetic';
      ctx.font = 12 * ratio + 'px system-ui, sans-serif';
      ctx.fillStyle = ink('ink');
      const ends = [-Infinity, -Infinity];
      for (const drill of data.drills) {
        if (drill.to < u.scales.x.min || drill.from > u.scales.x.max) continue;
        const x = Math.max(bbox.left, u.valToPos(drill.from, 'x', true));
        const row = x >= ends[0] ? 0 : 1;
        ends[row] = x + ctx.measureText(drill.label).width + 8 * ratio;
        label(u, drill.label, x, (12 + row * 14) * ratio);
      }
      ctx.fillStyle = ink('change');
      let end = -Infinity;
      data.changes.forEach((change, index) => {
        if (!inView(change.at)) return;
        const text = String(index + 1);
        const x = Math.max(end, u.valToPos(change.at, 'x', true) - ctx.measureText(text).width / 2);
        end = x + ctx.measureText(text).width + 3 * ratio;
        label(u, text, x, 41 * ratio);
      });
    }
    ctx.restore();
  };

  const sums = (chart) => {
    const upTo = data.times.map(() => 0);
    return chart.series.map((series) =>
      series.values.map((value, index) => (value === null ? null : (upTo[index] += value))),
    );
  };

  const seriesOf = (chart, one, values) => {
    const color = ink(one.ink);
    const stacked = chart.kind === 'stacked';
    return {
      label: one.label,
      stroke: color,
      fill: stacked ? color : undefined,
      paths: uPlot.paths.stepped({ align: 1, alignGaps: 1, extend: true }),
      width: one.ink.endsWith('p50') ? 1.5 : 2,
      dash: ['failed', 'skipped'].includes(one.ink) || one.ink.endsWith('p50') ? [5, 3] : undefined,
      points: { show: chart.kind === 'log' ? undefined : false, size: 4 },
      value: (u, raw, si, index) => format(index === null || index === undefined ? null : values[index], 3),
    };
  };

  const draw = (chart, index) => {
    const box = document.getElementById('chart-' + chart.id);
    const stacked = chart.kind === 'stacked';
    const columns = stacked ? sums(chart).reverse() : chart.series.map((one) => one.values);
    const order = stacked ? [...chart.series].reverse() : chart.series;
    const axis = axisStyle();
    const options = {
      width: box.clientWidth,
      height: stacked ? 190 : 230,
      padding: [index === 0 ? 46 : 10, 12, 0, 0],
      cursor: { sync: { key: sync.key }, drag: { x: true, y: false } },
      scales: {
        x: { time: false, range: [data.times[0] || 0, (data.times.at(-1) || 0) + data.secondsPerPoint] },
        y: chart.kind === 'log' ? { distr: 3 } : { range: stacked ? [0, 100] : (u, low, high) => [0, (high || 1) * 1.08] },
      },
      axes: [
        { ...axis, values: (u, splits) => splits.map((at) => at + ' s') },
        { ...axis, size: 64, label: chart.unit, labelSize: 18, values: (u, splits) => splits.map((v) => (v === null ? '' : format(v, 3))) },
      ],
      series: [
        { label: 'at', value: (u, at) => (at === null || at === undefined ? '–' : at + ' s') },
        ...order.map((one) => seriesOf(chart, one, one.values)),
      ],
      hooks: { drawClear: [backdrop(chart)], draw: [marks(index === 0)] },
    };
    return new uPlot(options, [data.times, ...columns], box);
  };

  showAll(data.charts, draw);
`;
