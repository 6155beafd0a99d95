import { describe, expect, test } from 'vitest';
import type { SeenLink } from './links.ts';
import { joinPeers, type SeenNamespace } from './peers.ts';
import type { Link } from './types.ts';

const COUNTERS = {} as Link['counters'];

/** `other`: the index of the other end, and the number of its namespace. */
function link(
  index: number,
  other?: readonly [index: number, number?: number],
  as: 'peer' | 'lower' = 'peer',
): SeenLink {
  const seen = {
    index,
    name: `link${index}`,
    kind: 'veth',
    mtuBytes: 1500,
    operState: 'up',
    counters: COUNTERS,
  } as const;
  if (other === undefined) return { link: seen };
  const [otherIndex, namespaceId] = other;
  return { link: seen, other: { as, index: otherIndex, ...(namespaceId === undefined ? {} : { namespaceId }) } };
}

function namespace(id: string, links: readonly SeenLink[], numbers: readonly [number, string][] = []): SeenNamespace {
  return { id, links, numbers: new Map(numbers) };
}

/** Answers as the kernel would, from the true numbers, and counts. */
function kernel(truth: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  const asked: string[] = [];
  const ask = (by: string, of: string): number | undefined => {
    asked.push(`${by} ${of}`);
    return truth[by]?.[of];
  };
  return { asked, ask };
}

describe('ends of links', () => {
  test('in one namespace need no number', () => {
    const joined = joinPeers([namespace('host', [link(2, [3]), link(3, [2])])], kernel({}).ask);
    expect(joined.get('host')?.map(({ peer }) => peer)).toEqual([
      { namespace: 'host', index: 3 },
      { namespace: 'host', index: 2 },
    ]);
  });

  test("the host's ends follow from those of its containers, without a question", () => {
    const { ask, asked } = kernel({});
    const joined = joinPeers(
      [
        namespace('host', [link(10, [2, 0]), link(11, [2, 1])]),
        namespace('web', [link(2, [10, 0])], [[0, 'host']]),
        namespace('db', [link(2, [11, 0])], [[0, 'host']]),
      ],
      ask,
    );
    expect(joined.get('host')?.map(({ peer }) => peer?.namespace)).toEqual(['web', 'db']);
    expect(asked).toEqual([]);
  });

  test('between two others, the one that points back and has the number is it', () => {
    const { ask, asked } = kernel({ a: { b: 4, c: 5 }, b: { a: 0 }, c: { a: 0 } });
    const joined = joinPeers(
      [
        namespace('a', [link(7, [3, 4])]),
        // Points back by chance: it has the same indexes, and another number.
        namespace('c', [link(3, [7, 0])]),
        namespace('b', [link(3, [7, 0])]),
      ],
      ask,
    );
    expect(joined.get('a')?.[0]?.peer).toEqual({ namespace: 'b', index: 3 });
    expect(joined.get('b')?.[0]?.peer).toEqual({ namespace: 'a', index: 7 });
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  test('in a namespace that nobody found are known by their index only', () => {
    const joined = joinPeers([namespace('host', [link(10, [2, 9])])], kernel({}).ask);
    expect(joined.get('host')?.[0]?.peer).toEqual({ index: 2 });
  });

  test('a link below is found by the number alone', () => {
    const { ask } = kernel({ red: { host: 0, blue: 1 } });
    const joined = joinPeers(
      [namespace('host', [link(2)]), namespace('blue', [link(2)]), namespace('red', [link(5, [2, 1], 'lower')])],
      ask,
    );
    expect(joined.get('red')?.[0]?.lower).toEqual({ namespace: 'blue', index: 2 });
  });
});
