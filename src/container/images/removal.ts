/**
 * @module What a removal takes away, and when it is refused, as Docker decides and says it.
 * @see moby daemon/images/image_delete.go
 */

import { PontoonError } from '../../errors.ts';
import { shortDigest } from './oci.ts';
import type { StoredImage } from './store.ts';

/** One step of a removal, in Docker's words: a name that is gone, or an image that is. */
export type Removal = { readonly untagged: string } | { readonly deleted: string };

/** The IDs of the containers that use an image. */
export type ImageUsers = (imageId: string) => readonly string[];

export interface RemoveOptions {
  /** Take all names away, and those of an image in use; what containers use stays, without a name. */
  readonly force?: boolean;
  readonly inUse?: ImageUsers;
}

/**
 * The names that go, or 'delete' for the image itself.
 * @param by how the image was named: `name` is undefined where it was by ID or digest
 * @throws PontoonError image-in-use
 */
export function planRemoval(
  { id, names }: Pick<StoredImage, 'id' | 'names'>,
  by: {
    readonly ref: string;
    readonly name: string | undefined;
    readonly force: boolean;
    readonly users: readonly string[];
  },
): readonly string[] | 'delete' {
  const { ref, name, force, users } = by;
  const short = shortDigest(id);
  const refuse = (why: string) => new PontoonError('image-in-use', `conflict: ${why}`, { subject: ref });
  if (name !== undefined && names.length > 1) return [name];
  if (name === undefined && names.length > 1 && !force) {
    throw refuse(`unable to delete ${short} (must be forced) - image is referenced in multiple repositories`);
  }
  const user = users[0]?.slice(0, 12);
  if (user === undefined) return 'delete';
  if (force && names.length > 0) return names;
  if (name !== undefined) {
    throw refuse(
      `unable to remove repository reference "${ref}" (must force) - container ${user} is using its referenced image ${short}`,
    );
  }
  const how = names.length > 0 ? 'must' : 'cannot';
  throw refuse(`unable to delete ${short} (${how} be forced) - image is being used by container ${user}`);
}
