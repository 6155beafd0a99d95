/**
 * @module How a container is to be joined to networks, as clients write it (Engine API, EndpointSettings): in the body
 * of a create and of a connect.
 */

import { z } from 'zod';

/** What a client may say of an endpoint; the fields that only answers have are accepted and not looked at. */
export const ENDPOINT_SETTINGS = z.object({
  IPAMConfig: z
    .object({
      IPv4Address: z.string().optional(),
      IPv6Address: z.string().optional(),
      LinkLocalIPs: z.array(z.string()).optional(),
    })
    .optional(),
  Links: z.array(z.string()).optional(),
  Aliases: z.array(z.string()).optional(),
  MacAddress: z.string().optional(),
  DriverOpts: z.record(z.string(), z.string()).optional(),
  GwPriority: z.int().optional(),
});

export const NETWORKING_CONFIG = z.object({
  EndpointsConfig: z.record(z.string(), ENDPOINT_SETTINGS.nullable()).optional(),
});

export type EndpointSettings = z.output<typeof ENDPOINT_SETTINGS>;
