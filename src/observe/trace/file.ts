/**
 * @module A trace as a capture file: an interface for each place.
 */

import type { Captured } from './capture.ts';
import { encodePcapng } from './pcapng.ts';
import type { TraceEvent } from './trace.ts';

export type Followed = Captured & { readonly event: TraceEvent };

export function captureFile({
  captured,
  comment,
}: {
  readonly captured: readonly Followed[];
  readonly comment: string;
}): Buffer {
  const places = [...new Map(captured.map(({ event: { label, namespace } }) => [label, namespace]))];
  const indexes = new Map(places.map(([label], index) => [label, index]));
  return encodePcapng(
    places.map(([name, namespace]) => ({ name, description: `in the namespace ${namespace}` })),
    captured.map(({ frame, event }) => ({
      interface: indexes.get(event.label) ?? 0,
      timestampNs: frame.timestampNs,
      bytes: frame.bytes,
      lengthBytes: frame.lengthBytes,
      outgoing: event.direction === 'out',
      comment: `${event.label} ${event.direction}: ${event.kind}`,
    })),
    comment,
  );
}
