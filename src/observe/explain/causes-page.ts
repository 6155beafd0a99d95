/**
 * @module docs/causes.md: every cause with what it says, what it looks like and its cure, from the catalogue itself.
 */

import { CAUSES, type Cause } from './causes.ts';

export function causesPage(): string {
  const sections = Object.entries<Cause>(CAUSES).map(([code, { sentence, looksLike, remedy }]) => {
    const commands = remedy.map((command) => `- \`${command}\``).join('\n');
    return `## ${code}\n\n${sentence.en}\n\n${sentence.zh}\n\nWhat one sees: ${looksLike}\n\nCure:\n\n${commands}`;
  });
  return `# Causes

What \`pontoon explain\` may say of a packet that does not arrive. The words are stable: programs may match them. \`{name}\`
stands for a fact of the case; \`{command}\` and \`{connect}\` for a command made for it. This page is generated:
\`npx vitest run test/causes.test.ts --update\`.

${sections.join('\n\n')}
`;
}
