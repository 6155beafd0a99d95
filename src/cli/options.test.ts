import { Command } from 'commander';
import { expect, test } from 'vitest';
import { expandFlags } from './options.ts';

const command = new Command()
  .option('-i, --interactive', '')
  .option('-t, --tty', '')
  .option('--ipv4', '')
  .option('--no-ipv4', '')
  .option('--no-trunc', '')
  .option('-p, --publish <port>', '')
  .option('--name <name>', '');

test.each([
  ['--tty=true x', '--tty x'],
  ['--tty=false x', 'x'],
  ['-t=1', '--tty'],
  ['--ipv4=false', '--no-ipv4'],
  ['--ipv4=True', '--ipv4'],
  ['--no-trunc=true', '--no-trunc'],
  ['--no-trunc=false', ''],
  ['--tty=maybe', '--tty=maybe'],
  ['--name=true', '--name=true'],
  ['--name --tty=false --tty=false', '--name --tty=false'],
  ['-itp --tty=false --tty=false', '-itp --tty=false'],
  ['-p80 --tty=false', '-p80'],
  ['-p=80:80 --tty=false', '-p80:80'],
  ['-itp=a=b -p==c', '-itpa=b -p=c'],
  ['--publish=80', '--publish=80'],
  ['-- --tty=false', '-- --tty=false'],
  ['--unknown=true', '--unknown=true'],
])('%s', (given, expected) => {
  expect(expandFlags(command, given.split(' ')).join(' ')).toBe(expected);
});

test("the arguments of a container's process stay as they are", () => {
  const args = ['--tty=false', '--name', 'x', 'image', '--tty=false'];
  expect(expandFlags(command, args, true)).toEqual(['--name', 'x', 'image', '--tty=false']);
  expect(expandFlags(command, args)).toEqual(['--name', 'x', 'image']);
});
