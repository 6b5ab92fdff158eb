import { z } from 'zod'

/** The answer of `/auth/v1/token` and `/auth/v1/signup`, which a browser keeps. Supabase Auth, AccessTokenResponse */
export const SessionObject = z.looseObject({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).nullish().catch(undefined),
  /** Seconds since 1970. */
  expires_at: z.number().positive().nullish().catch(undefined),
  /** Seconds. */
  expires_in: z.number().positive().nullish().catch(undefined),
  user: z.looseObject({ id: z.string().nullish() }).nullish().catch(undefined),
})

/** The claims of an access token that are read. */
export const Claims = z.looseObject({
  sub: z.string().optional().catch(undefined),
  exp: z.number().positive().optional().catch(undefined),
  iat: z.number().positive().optional().catch(undefined),
})

/**
 * A refusal in any of its four shapes: the old one, that of `2024-01-01`, OAuth's, and that of the proxy in front of
 * the service.
 */
export const Refusal = z.looseObject({
  /** The old shape has the status here, the newer one the code. */
  code: z.union([z.string(), z.number()]).nullish().catch(undefined),
  error_code: z.string().nullish().catch(undefined),
  error: z.string().nullish().catch(undefined),
  msg: z.string().nullish().catch(undefined),
  message: z.string().nullish().catch(undefined),
  error_description: z.string().nullish().catch(undefined),
})
