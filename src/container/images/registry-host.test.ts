import { expect, test } from 'vitest';
import { registryHost } from './registry-host.ts';

test.each([
  ['reg.example', 'reg.example'],
  ['https://reg.example', 'reg.example'],
  ['http://127.0.0.1:5000/v2/', '127.0.0.1:5000'],
  ['https://index.reg.example/v1/', 'reg.example'],
  ['https://index.reg.example/v1', 'reg.example'],
  ['index.reg.example', 'index.reg.example'],
  ['', ''],
])('%s', (address, host) => {
  expect(registryHost(address)).toBe(host);
});
