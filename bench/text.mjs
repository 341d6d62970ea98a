// Numbers and tables as text.

export const ms = (value) => (value === null ? '–' : value < 10 ? value.toFixed(1) : value.toFixed(0));
export const range = ({ min, median, max }) => `${ms(median)} (${ms(min)}–${ms(max)})`;
export const ratio = (value) => (value === null ? '–' : value.toFixed(2));
export const percent = (share) => `${(100 * share).toFixed(0)} %`;
/** Megabytes, of a million bytes. */
export const mb = (bytes) => (bytes === null ? '–' : (bytes / 1e6).toFixed(bytes < 99.5e6 ? 1 : 0));
/** Kilobytes, of a thousand bytes. */
export const kb = (bytes) => `${(bytes / 1e3).toFixed(1)} kB`;
export const device = (backend) => (backend === 'cpu' ? 'CPU' : 'WebGPU');

/** A Markdown table whose columns are aligned as plain text too. `columns`: title and cell of each column. */
export function table(columns, rows) {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => String(cell(row))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  const line = (texts) => `| ${texts.map((text, i) => text.padEnd(widths[i])).join(' | ')} |`;
  return [line(cells[0]), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...cells.slice(1).map(line)].join('\n');
}
