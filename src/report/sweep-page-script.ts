/**
 * The sweep page's own script, plain JavaScript for a browser: draws the charts of its data with uPlot, each on the axis of
 * its varied value, with whiskers for the intervals. Without it the page still has its tables.
 */
export const sweepPageScript = `
  const whiskers = (chart) => (u) => {
    const { ctx } = u;
    const cap = 4 * devicePixelRatio;
    ctx.save();
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const one of chart.series) {
      ctx.strokeStyle = ink(one.ink);
      one.low.forEach((low, index) => {
        const high = one.high[index];
        if (low === null || high === null || (chart.isLog && low <= 0)) return;
        const x = u.valToPos(chart.xs[index], 'x', true);
        const top = u.valToPos(high, 'y', true);
        const bottom = u.valToPos(low, 'y', true);
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, bottom);
        for (const y of [top, bottom]) {
          ctx.moveTo(x - cap, y);
          ctx.lineTo(x + cap, y);
        }
        ctx.stroke();
      });
    }
    ctx.restore();
  };

  const seriesOf = (one) => ({
    label: one.label,
    stroke: ink(one.ink),
    width: one.ink.endsWith('p50') ? 1.5 : 2,
    dash: one.look === 'simulated' ? [2, 4] : one.look === 'curve' || one.ink.endsWith('p50') ? [5, 3] : undefined,
    spanGaps: true,
    paths: one.look === 'points' ? () => null : undefined,
    points: { show: one.look !== 'curve', size: one.look === 'points' ? 9 : 7, fill: ink(one.look === 'simulated' ? 'paper' : one.ink) },
    value: (u, raw) => format(raw, 4),
  });

  const rangeOf = (chart) => {
    const all = chart.series.flatMap((one) => [...one.values, ...one.high]).filter((value) => value !== null);
    const highest = Math.max(...all, 0);
    return [0, chart.unit.startsWith('%') ? 100 : (highest || 1) * 1.08];
  };

  const xRange = (chart) => {
    const first = chart.xs[0];
    const last = chart.xs[chart.xs.length - 1];
    const margin = (last - first || 1) * 0.04;
    return [first - margin, last + margin];
  };

  const draw = (chart) => {
    const box = document.getElementById('chart-' + chart.id);
    const axis = axisStyle();
    const xAxis = { ...axis, label: chart.xLabel, labelSize: 18 };
    const isMeasured = chart.series.every((one) => one.look === 'line' || one.look === 'simulated');
    if (isMeasured && chart.xs.length <= 12) xAxis.splits = () => chart.xs;
    if (chart.words) xAxis.values = (u, splits) => splits.map((at) => chart.words[at] ?? '');
    const options = {
      width: box.clientWidth,
      height: 300,
      padding: [12, 16, 0, 0],
      scales: { x: { time: false, range: xRange(chart) }, y: chart.isLog ? { distr: 3 } : { range: rangeOf(chart) } },
      axes: [xAxis, { ...axis, size: 64, label: chart.unit, labelSize: 18, values: (u, splits) => splits.map((v) => (v === null ? '' : format(v, 4))) }],
      series: [
        { label: chart.xLabel, value: (u, at) => (at === null || at === undefined ? '–' : chart.words ? (chart.words[at] ?? '–') : format(at, 4)) },
        ...chart.series.map(seriesOf),
      ],
      hooks: { draw: [whiskers(chart)] },
    };
    return new uPlot(options, [chart.xs, ...chart.series.map((one) => one.values)], box);
  };

  showAll(data, draw);
`;
