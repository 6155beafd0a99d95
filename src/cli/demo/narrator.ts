/**
 * @module The one who tells: prints titles, commands with what came of them, reasons, and the marks ✓ and ✗; and keeps
 * count of what was not as expected.
 */

import { styleText } from 'node:util';
import { wrap, wrapOutput } from './layout.ts';
import type { Catalogue } from './text.en.ts';

/** The most columns that a line takes; less on a narrower terminal. */
const WIDTH = 100;
const INDENT = '    ';

export interface NarratorOptions {
  readonly text: Catalogue;
  /** Default: standard output. */
  readonly write?: (text: string) => void;
  /** How wide the terminal is, in columns. Default: that of standard output. */
  readonly columns?: number;
}

export class Narrator {
  readonly #text: Catalogue;
  readonly #write: (text: string) => void;
  readonly #width: number;
  readonly #failures: string[] = [];
  #checks = 0;
  #title = '';

  constructor({ text, write, columns }: NarratorOptions) {
    this.#text = text;
    this.#write = write ?? ((line) => process.stdout.write(line));
    // A terminal that does not know its size says 0.
    this.#width = Math.min(WIDTH, (columns ?? process.stdout.columns) || WIDTH);
  }

  /** What was not as expected so far: each with the title of its step. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** The words before the first step. */
  opening(): void {
    for (const line of wrap(this.#text.opening, this.#width)) this.#line(line);
  }

  /** Begins a step. */
  title(number: number, title: string): void {
    this.#title = title;
    this.#write(`\n${styleText('bold', `${String(number).padStart(2)}. ${title}`)}\n`);
  }

  /** A command as one would type it somewhere. */
  command(place: string, command: string): void {
    const prompt = `${INDENT}${place} # `;
    const lines = wrap(command, this.#width - prompt.length - ' \\'.length);
    for (const [index, line] of lines.entries()) {
      const start = index === 0 ? styleText('cyan', prompt) : ' '.repeat(prompt.length);
      this.#line(`${start}${styleText('bold', line)}${index < lines.length - 1 ? ' \\' : ''}`);
    }
  }

  /** What a program wrote. */
  output(output: string): void {
    const text = output.trimEnd();
    if (text === '') this.#line(styleText('dim', `${INDENT}  ${this.#text.nothing}`));
    else
      for (const line of text.split('\n')) {
        for (const part of wrapOutput(line, this.#width - INDENT.length - 2)) this.#line(`${INDENT}  ${part}`);
      }
  }

  /** What the next commands are for. */
  note(text: string): void {
    this.#paragraph(INDENT, INDENT.length, text);
  }

  /** Marks whether something is as it should be. */
  check(what: string, ok: boolean): void {
    this.#checks++;
    if (!ok) this.#failures.push(`${this.#title}: ${what}`);
    const mark = ok ? styleText('green', '✓') : styleText('red', '✗');
    this.#paragraph(`${INDENT}${mark} `, INDENT.length + 2, what);
  }

  /** The reason for what was seen, in a sentence. */
  why(sentence: string): void {
    this.#paragraph(INDENT, INDENT.length, sentence, 'italic');
  }

  /** The step could not be finished. */
  broken(error: Error): void {
    this.check(error.message, false);
  }

  /** The last words: how many checks there were, and each that failed. */
  summary(seconds: number): void {
    const failed = this.#failures.length;
    const text = this.#text.summary(this.#checks - failed, failed, seconds.toFixed(1));
    this.#write(`\n${styleText(failed === 0 ? 'green' : 'red', text)}\n`);
    for (const failure of this.#failures) this.#paragraph(`  ${styleText('red', '✗')} `, 4, failure);
  }

  #paragraph(first: string, indent: number, text: string, style: 'italic' | 'reset' = 'reset'): void {
    const lines = wrap(text, this.#width - indent);
    for (const [index, line] of lines.entries()) {
      this.#line(`${index === 0 ? first : ' '.repeat(indent)}${style === 'reset' ? line : styleText(style, line)}`);
    }
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }
}
