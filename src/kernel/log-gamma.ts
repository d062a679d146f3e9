/** ln Γ(x) for x above 0, to 1e-14: Stirling's series after x was raised above 10 by Γ(x + 1) = x Γ(x). */
export function logGamma(x: number): number {
  let shift = 0;
  let raised = x;
  for (; raised < 10; raised += 1) shift -= Math.log(raised);
  const inverse = 1 / (raised * raised);
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / raised;
  return shift + (raised - 0.5) * Math.log(raised) - raised + 0.5 * Math.log(2 * Math.PI) + series;
}
