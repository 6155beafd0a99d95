/** @module The bodies of requests about networks: create, connect, disconnect. */

import { z } from 'zod';
import { ENDPOINT_SETTINGS } from './endpoint.ts';

export const NETWORK_CREATE_BODY = z.object({
  Name: z.string(),
  Driver: z.string().optional(),
  Scope: z.string().optional(),
  EnableIPv4: z.boolean().optional(),
  EnableIPv6: z.boolean().optional(),
  Internal: z.boolean().optional(),
  Attachable: z.boolean().optional(),
  Ingress: z.boolean().optional(),
  ConfigOnly: z.boolean().optional(),
  ConfigFrom: z.object({ Network: z.string().optional() }).optional(),
  IPAM: z
    .object({
      Driver: z.string().optional(),
      Options: z.record(z.string(), z.string()).optional(),
      Config: z
        .array(
          z.object({
            Subnet: z.string().optional(),
            IPRange: z.string().optional(),
            Gateway: z.string().optional(),
            AuxiliaryAddresses: z.record(z.string(), z.string()).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  Options: z.record(z.string(), z.string()).optional(),
  Labels: z.record(z.string(), z.string()).optional(),
});

export const CONNECT_BODY = z.object({
  Container: z.string().optional(),
  EndpointConfig: ENDPOINT_SETTINGS.optional(),
});

export const DISCONNECT_BODY = z.object({ Container: z.string().optional(), Force: z.boolean().optional() });

export type NetworkCreateBody = z.output<typeof NETWORK_CREATE_BODY>;
