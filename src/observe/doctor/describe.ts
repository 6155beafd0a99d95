/**
 * @module Findings in words: the code and its place on one line, the sentence, and the commands.
 */

import type { Finding } from './finding.ts';

/** Ends with a line that counts them. */
export function describeFindings(findings: readonly Finding[]): string {
  const paragraphs = findings.map(({ code, severity, at, sentence, remedy }) => {
    const place =
      at.interface === '' ? at.namespace : at.namespace === 'host' ? at.interface : `${at.interface}@${at.namespace}`;
    return [
      `${severity.toUpperCase()} ${code} at ${place}`,
      `  ${sentence}`,
      ...remedy.map((command) => `  $ ${command}`),
    ]
      .map(printable)
      .join('\n');
  });
  const count = (severity: Finding['severity'], word: string): string => {
    const number = findings.filter((one) => one.severity === severity).length;
    return `${number} ${word}${number === 1 ? '' : 's'}`;
  };
  const summary = `${count('error', 'error')}, ${count('warning', 'warning')}, ${count('notice', 'notice')}`;
  return [...paragraphs, summary].join('\n\n');
}

/** A snapshot is somebody else's text: nothing in it may steer a terminal. */
function printable(line: string): string {
  return line.replaceAll(/\p{C}/gu, '�');
}
