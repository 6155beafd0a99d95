import { expect, test } from 'vitest';
import { lookUpUser, parseGroup, parsePasswd } from './users.ts';

const passwd = parsePasswd(
  '# people\nroot:x:0:0:root:/root:/bin/sh\nann:x:1000:1001::/home/ann:/bin/sh\n+nis::::::\n55:x:7:7::/:\n',
);
const group = parseGroup('root:x:0:\nann:x:1001:\nextra:x:2000:bob,ann\nbroken\n');
const find = (user: string, groups: string[] = []) => lookUpUser(passwd, group, user, groups);

test('nobody in particular is root', () => {
  expect(find('')).toEqual({ uid: 0, gid: 0, additionalGids: [0] });
});

test('a name brings its group, and those that list it', () => {
  expect(find('ann')).toEqual({ uid: 1000, gid: 1001, additionalGids: [1001, 2000] });
  expect(find('1000')).toEqual(find('ann'));
});

test('a group that is named is the only one', () => {
  expect(find('ann:extra')).toEqual({ uid: 1000, gid: 2000, additionalGids: [2000] });
  expect(find('ann:77', ['extra'])).toEqual({ uid: 1000, gid: 77, additionalGids: [77, 2000] });
});

test('a number that nobody has is taken as it is; a name that is a number counts first', () => {
  expect(find('4242')).toEqual({ uid: 4242, gid: 0, additionalGids: [0] });
  expect(find('55').uid).toBe(7);
});

test('what is not there is told in the words of Docker', () => {
  expect(() => find('bob')).toThrow('unable to find user bob: no matching entries in passwd file');
  expect(() => find('ann:nope')).toThrow('unable to find group nope: no matching entries in group file');
  expect(() => find('ann', ['nope'])).toThrow('unable to find group nope');
  expect(() => find('4294967296')).toThrow('uids and gids must be in range 0-2147483647');
});
