import { expect, test } from 'vitest';
import { columns, wrap, wrapOutput } from './layout.ts';

test('a Chinese character takes two columns', () => {
  expect(columns('veth')).toBe(4);
  expect(columns('网桥 pontoon0。')).toBe(15);
});

test('lines break between words and stay within the width', () => {
  expect(wrap('the bridge learns which MAC is behind which port', 20)).toEqual([
    'the bridge learns',
    'which MAC is behind',
    'which port',
  ]);
  expect(wrap('', 20)).toEqual([]);
});

test('Chinese breaks without spaces, and no line begins with a full stop', () => {
  const text = '网桥是内核里的交换机，它会记住每个 MAC 地址在哪个端口后面。';
  for (let width = 8; width < 60; width++) {
    const lines = wrap(text, width);
    expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    for (const line of lines) {
      expect(columns(line)).toBeLessThanOrEqual(width);
      expect(line).not.toMatch(/^[，。]/);
    }
  }
});

test('what has no place to break is kept whole', () => {
  expect(wrap('see http://[2001:db8:1::2]:9001/ there', 10)).toEqual(['see', 'http://[2001:db8:1::2]:9001/', 'there']);
});

test('a long line of output goes on further in', () => {
  expect(wrapOutput('\teth0', 20)).toEqual(['    eth0']);
  expect(wrapOutput('  state UP mode DEFAULT', 20)).toEqual(['  state UP mode', '      DEFAULT']);
  expect(wrapOutput('', 20)).toEqual(['']);
});
