/** @module What has an address of IPv4, of IPv6, of both or of neither. */

/** The addresses that are there, IPv4 first. */
export function addressesOf<A>({ ipv4, ipv6 }: { readonly ipv4?: A | undefined; readonly ipv6?: A | undefined }): A[] {
  return [ipv4, ipv6].filter((address) => address !== undefined);
}
