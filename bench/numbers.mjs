// Statistics of measurements.

export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

export function median(values) {
  return spread(values).median;
}

/** Relative L2 distance ‖values - reference‖ / ‖reference‖; infinite where it is not defined. */
export function relativeL2(values, reference) {
  const square = (sum, x) => sum + x * x;
  const difference = values.map((value, i) => value - reference[i]).reduce(square, 0);
  const relative = Math.sqrt(difference / reference.reduce(square, 0));
  return values.length === reference.length && Number.isFinite(relative) ? relative : Infinity;
}

/**
 * The line through points `[x, y]` with the least relative error, so that small points count as much as large ones: Σ((y - base - slope · x) / y)² is
 * least. `worst` is the largest relative deviation of a point, and `at` the index of that point.
 */
export function line(points) {
  const sum = (of) => points.reduce((total, [x, y]) => total + of(x, y) / (y * y), 0);
  const [one, x, xx, y, xy] = [sum(() => 1), sum((x) => x), sum((x) => x * x), sum((_, y) => y), sum((x, y) => x * y)];
  const slope = (one * xy - x * y) / (one * xx - x * x);
  const base = (y - slope * x) / one;
  const off = points.map(([x, y]) => Math.abs(y / (base + slope * x) - 1));
  const worst = Math.max(...off);
  return { base, slope, worst, at: off.indexOf(worst) };
}

/** The row with the largest number, and that number; null for no rows. */
export function largest(rows, number) {
  return rows.map((row) => ({ row, value: number(row) })).reduce((most, next) => (most && most.value >= next.value ? most : next), null);
}
