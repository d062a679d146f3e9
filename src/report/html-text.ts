const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Makes any text safe as HTML text and as a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A value as JSON that may stand inside a script element: no character can end it. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A table from cells of plain text; all columns but the first and those in `left` are numbers. */
export function htmlTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  options: { left?: readonly number[]; caption?: string } = {},
): string {
  const cellOf =
    (tag: 'td' | 'th') =>
    (cell: string, column: number): string => {
      const kind = column === 0 || options.left?.includes(column) ? '' : ' class="number"';
      return `<${tag}${kind}>${escapeHtml(cell)}</${tag}>`;
    };
  const caption = options.caption === undefined ? '' : `<caption>${escapeHtml(options.caption)}</caption>`;
  const body = rows.map((row) => `<tr>${row.map(cellOf('td')).join('')}</tr>`).join('\n');
  return `<div class="scroll"><table>${caption}<thead><tr>${head.map(cellOf('th')).join('')}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}
