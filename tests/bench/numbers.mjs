// Arithmetic of measurements.

export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

export function median(values) {
  return spread(values).median;
}

/** ‖values - reference‖ / ‖reference‖; infinite when they cannot be compared. */
export function relativeL2(values, reference) {
  const square = (sum, x) => sum + x * x;
  const difference = values.map((value, i) => value - reference[i]).reduce(square, 0);
  const relative = Math.sqrt(difference / reference.reduce(square, 0));
  return values.length === reference.length && Number.isFinite(relative) ? relative : Infinity;
}

/**
 * The line through points `[x, y]` that lies closest to them in proportion to each y, so that small ones count as much as large ones:
 * Σ((y - base - slope · x) / y)² is least. `worst` is the largest share by which a point lies off it, and `at` which point that is.
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

/** The largest of some rows by a number of theirs, and that number; nothing of none. */
export function largest(rows, number) {
  return rows.map((row) => ({ row, value: number(row) })).reduce((most, next) => (most && most.value >= next.value ? most : next), null);
}
