/** @module Mounts, as inspects and lists show them (Engine API, MountPoint). */

import type { Container, Mount } from '../../container/types.ts';
import { askedFor } from '../container-create.ts';
import { bindOptions } from '../mount-specs.ts';

/** What --tmpfs asked for is shown with the host configuration only. */
export function mountPoints(container: Container) {
  const { hostConfig } = askedFor(container);
  const options = new Map((hostConfig.Binds ?? []).map(bindOptions).map((bind) => [bind.target, bind.options]));
  const own = container.spec.tmpfs ?? {};
  return container.mounts
    .filter(({ type, target }) => type !== 'tmpfs' || !Object.hasOwn(own, target))
    .map((mount) => mountPoint(mount, options.get(mount.target)));
}

function mountPoint(mount: Mount, options: string | undefined) {
  const { type, name, source, target, readOnly, propagation } = mount;
  // Docker relabels a named volume that -v names, unless told otherwise, and says so.
  const mode = options === '' && type === 'volume' ? 'z' : (options ?? '');
  return {
    Type: type,
    ...(type === 'volume' && { Name: name }),
    Source: source,
    Destination: target,
    ...(type === 'volume' && { Driver: 'local' }),
    Mode: mode,
    RW: !readOnly,
    Propagation: propagation,
  };
}
