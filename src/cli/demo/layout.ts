/**
 * @module Text within a width, for Latin and Chinese alike: a Chinese character takes two columns of a terminal.
 */

/** Characters that take two columns: CJK, its punctuation, and full-width forms (Unicode TR11, East Asian Wide). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/gu;
/** What must not begin a line. */
const CLOSING = /^[,.;:!?)\]}’”、。，；：！？）】》」』]/u;
const TAB = '    ';
/** How much further in the continuation of an output line is. */
const HANGING = 4;
const words = new Intl.Segmenter('en', { granularity: 'word' });

/** How many columns a text takes. */
export function columns(text: string): number {
  return [...text].length + (text.match(WIDE)?.length ?? 0);
}

/** Breaks a text into lines of at most `width` columns, between words (in Chinese, too, where no space is between them). */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const piece of pieces(text.trim())) {
    if (columns(line + piece.trimEnd()) > width && line !== '') {
      lines.push(line.trimEnd());
      line = '';
    }
    line += line === '' ? piece.trimStart() : piece;
  }
  if (line.trimEnd() !== '') lines.push(line.trimEnd());
  return lines;
}

/** A line of a program's output: its tabs expanded, its indentation kept, what does not fit further in on lines below. */
export function wrapOutput(line: string, width: number): string[] {
  const [indent = ''] = /^\s*/.exec(line) ?? [];
  const first = columns(indent.replaceAll('\t', TAB));
  const [head, ...rest] = wrap(line.replaceAll('\t', ' '), width - first - HANGING);
  const more = rest.map((part) => ' '.repeat(first + HANGING) + part);
  return [' '.repeat(first) + (head ?? ''), ...more];
}

/** The parts of a text that must stay together: a Chinese word, or what stands between two spaces. */
function pieces(text: string): string[] {
  const result: string[] = [];
  for (const { segment } of words.segment(text)) {
    const last = result.at(-1);
    const mayBreak =
      last === undefined || (!CLOSING.test(segment) && (/\s$/.test(last) || isWide(last.at(-1)) || isWide(segment[0])));
    if (mayBreak && segment.trim() !== '') result.push(segment);
    else result.splice(-1, 1, (last ?? '') + segment);
  }
  return result;
}

function isWide(character: string | undefined): boolean {
  return character !== undefined && columns(character) === 2;
}
