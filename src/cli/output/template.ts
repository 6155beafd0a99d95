/**
 * @module Go templates, as --format takes them: the language of text/template without definitions of other templates,
 * and Docker's functions. This file reads a template; template-run.ts fills it in.
 * @see https://pkg.go.dev/text/template
 */

import { PontoonError } from '../../errors.ts';

/** A part of a template. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'output'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'with' | 'range';
      readonly pipeline: Pipeline;
      readonly body: Node[];
      readonly otherwise: Node[];
    }
  | { readonly kind: 'break' | 'continue' };

/** Commands that each get the value of the one before as their last argument. */
export interface Pipeline {
  /** `$name :=` or `=` before it; range may name two. */
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly Command[];
}

export type Command = readonly Operand[];

/** A value, and the fields taken of it: `.A.B`, `$x.A`, `(index . 0).A`. */
export interface Operand {
  readonly base:
    | { readonly kind: 'dot' }
    | { readonly kind: 'variable' | 'function'; readonly name: string }
    | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
    | { readonly kind: 'group'; readonly pipeline: Pipeline };
  readonly fields: readonly string[];
}

type Token =
  | { readonly kind: 'field' | 'variable' | 'word' | 'sign'; readonly text: string; readonly spaced: boolean }
  | {
      readonly kind: 'literal';
      readonly value: string | number;
      readonly text: string;
      readonly spaced: boolean;
    };

/** @throws PontoonError bad-value, with what is wrong where */
export function parseTemplate(source: string): Node[] {
  const pieces = splitActions(source);
  const nodes = parseBody(pieces, source, false);
  if (pieces.length > 0) throw refuse(source, `there is nothing for {{${pieces[0]!.text}}} to end`);
  return nodes;
}

export function refuse(source: string, why: string): PontoonError {
  return new PontoonError('bad-value', `cannot use the template '${source}': ${why}`, { subject: source });
}

interface Piece {
  readonly isAction: boolean;
  readonly text: string;
}

/** Text and actions in turn; `{{-` and `-}}` take the white space beside them, comments go. */
function splitActions(source: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = source;
  let trim = false;
  for (;;) {
    const start = rest.indexOf('{{');
    let text = start < 0 ? rest : rest.slice(0, start);
    const trimsBefore = start >= 0 && /^\{\{-\s/.test(rest.slice(start));
    if (trim) text = text.trimStart();
    if (trimsBefore) text = text.trimEnd();
    if (text !== '') pieces.push({ isAction: false, text });
    if (start < 0) return pieces;
    const action =
      /^\{\{(?:-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|(?!\s-\}\}|\}\})[\s\S])*)(\s-)?\}\}/.exec(
        rest.slice(start),
      );
    if (action === null) throw refuse(source, 'an action is not closed with }}');
    const inside = action[1]!.trim();
    if (!inside.startsWith('/*')) pieces.push({ isAction: true, text: inside });
    trim = action[2] !== undefined;
    rest = rest.slice(start + action[0].length);
  }
}

/** Reads up to the end of the template or, `inside` a block, to its {{else}} or {{end}}, which stays. */
function parseBody(pieces: Piece[], source: string, inside: boolean): Node[] {
  const nodes: Node[] = [];
  for (;;) {
    const piece = pieces[0];
    if (piece === undefined) {
      if (inside) throw refuse(source, 'an {{end}} is missing');
      return nodes;
    }
    const [word = ''] = /^[a-z]+/.exec(piece.text) ?? [];
    if (piece.isAction && (word === 'end' || word === 'else')) return nodes;
    pieces.shift();
    if (!piece.isAction) nodes.push({ kind: 'text', text: piece.text });
    else if (word === 'if' || word === 'with' || word === 'range')
      nodes.push(parseBlock(word, piece.text, pieces, source));
    else if (piece.text === 'break' || piece.text === 'continue') nodes.push({ kind: piece.text });
    else nodes.push({ kind: 'output', pipeline: parsePipeline(piece.text, source) });
  }
}

function parseBlock(kind: 'if' | 'with' | 'range', action: string, pieces: Piece[], source: string): Node {
  const pipeline = parsePipeline(action.slice(kind.length), source);
  const body = parseBody(pieces, source, true);
  const closing = pieces.shift()!.text;
  if (closing === 'end') return { kind, pipeline, body, otherwise: [] };
  const [, chained] = /^else\s+((?:if|with)\b.*)$/s.exec(closing) ?? [];
  if (chained !== undefined) {
    const next = parseBlock(chained.startsWith('if') ? 'if' : 'with', chained, pieces, source);
    return { kind, pipeline, body, otherwise: [next] };
  }
  const otherwise = parseBody(pieces, source, true);
  if (pieces.shift()!.text !== 'end') throw refuse(source, 'a block has two {{else}}');
  return { kind, pipeline, body, otherwise };
}

function parsePipeline(text: string, source: string): Pipeline {
  const tokens = tokenize(text, source);
  const pipeline = readPipeline(tokens, source);
  if (tokens.length > 0) throw refuse(source, `unexpected '${tokens[0]!.text}'`);
  return pipeline;
}

function readPipeline(tokens: Token[], source: string): Pipeline {
  const { variables, assigns } = readVariables(tokens);
  const commands: Command[] = [readCommand(tokens, source)];
  while (isSign(tokens[0], '|')) {
    tokens.shift();
    commands.push(readCommand(tokens, source));
  }
  return { variables, assigns, commands };
}

/** `$i, $v :=`, `$v :=`, `$v =`. */
function readVariables(tokens: Token[]): { variables: string[]; assigns: boolean } {
  const end = tokens.findIndex((token) => isSign(token, ':=') || isSign(token, '='));
  if (end !== 1 && end !== 3) return { variables: [], assigns: false };
  const [assignment] = tokens.slice(end);
  const variables = tokens.splice(0, end + 1).filter(({ kind }) => kind === 'variable');
  return { variables: variables.map(({ text }) => text), assigns: assignment!.text === '=' };
}

function readCommand(tokens: Token[], source: string): Command {
  const operands: Operand[] = [];
  while (tokens.length > 0 && !isSign(tokens[0], '|') && !isSign(tokens[0], ')'))
    operands.push(readOperand(tokens, source));
  if (operands.length === 0) throw refuse(source, 'a value is missing');
  return operands;
}

function readOperand(tokens: Token[], source: string): Operand {
  const token = tokens.shift()!;
  const fields: string[] = [];
  let base: Operand['base'];
  if (token.kind === 'literal') base = { kind: 'literal', value: token.value };
  else if (token.kind === 'variable') base = { kind: 'variable', name: token.text };
  else if (token.kind === 'word') base = wordBase(token.text);
  else if (token.kind === 'field') {
    base = { kind: 'dot' };
    fields.push(token.text);
  } else if (token.text === '.') base = { kind: 'dot' };
  else if (token.text === '(') {
    base = { kind: 'group', pipeline: readPipeline(tokens, source) };
    if (!isSign(tokens.shift(), ')')) throw refuse(source, 'a ) is missing');
  } else throw refuse(source, `unexpected '${token.text}'`);
  while (tokens[0]?.kind === 'field' && !tokens[0].spaced) fields.push(tokens.shift()!.text);
  return { base, fields };
}

function wordBase(word: string): Operand['base'] {
  if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
  return word === 'nil' ? { kind: 'literal', value: null } : { kind: 'function', name: word };
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

const TOKEN =
  /(\s*)(?:\.([\p{L}_][\p{L}\p{N}_]*)|(\$[\p{L}\p{N}_]*)|([\p{L}_][\p{L}\p{N}_]*)|("(?:[^"\\]|\\.)*")|`([^`]*)`|([-+]?\d+(?:\.\d+)?)|(:=|[=|().,]))/uy;

function tokenize(text: string, source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const end = text.trimEnd().length;
  while (at < end) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw refuse(source, `cannot read '${text.slice(at).trim()}'`);
    at = TOKEN.lastIndex;
    const [, space = '', field, variable, word, quoted, raw, number, sign] = match;
    const spaced = space !== '';
    if (field !== undefined) tokens.push({ kind: 'field', text: field, spaced });
    else if (variable !== undefined) tokens.push({ kind: 'variable', text: variable, spaced });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, spaced });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, spaced });
    else if (number !== undefined) tokens.push({ kind: 'literal', value: Number(number), text: number, spaced });
    else tokens.push({ kind: 'literal', value: raw ?? unquote(quoted!, source), text: raw ?? quoted!, spaced });
  }
  return tokens;
}

/** Go's escapes, of which JSON has the usual ones. */
function unquote(quoted: string, source: string): string {
  try {
    return JSON.parse(
      quoted
        .replace(/\\x([0-9a-fA-F]{2})/g, '\\u00$1')
        .replaceAll('\t', '\\t')
        .replaceAll('\n', '\\n'),
    ) as string;
  } catch {
    throw refuse(source, `cannot read the string ${quoted}`);
  }
}
