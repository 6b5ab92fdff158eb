import { z } from 'zod'

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().catch(undefined)

/** A session as `GET /v1/client` lists it. Clerk, Frontend API */
const ClerkSession = z.looseObject({
  id: z.string().min(1),
  status: optional(z.string()),
  last_active_organization_id: optional(z.string()),
  user: optional(
    z.looseObject({
      organization_memberships: optional(
        z.array(z.looseObject({ organization: z.looseObject({ id: z.string().min(1) }) })),
      ),
    }),
  ),
})

export type ClerkSession = z.infer<typeof ClerkSession>

/** The reply of `GET /v1/client`. For a signed-out user, `response` is null or has no sessions. */
export const ClerkClient = z.looseObject({
  response: z.looseObject({ last_active_session_id: optional(z.string()), sessions: z.array(ClerkSession) }).nullable(),
})

/** The reply of `POST …/tokens`. */
export const ClerkToken = z.looseObject({ jwt: z.string().min(1) })

/** The claims of Clerk's token that are read. Clerk, session tokens, version 1 and 2 */
export const ClerkClaims = z.looseObject({ sub: z.string().min(1), exp: z.number() })

/** A refusal of the Frontend API. */
export const ClerkRefusal = z.looseObject({ errors: z.array(z.looseObject({ code: z.string() })) })

/** The credential as it is stored. */
export const KeptCredential = z.object({
  cookie: z.string().min(1),
  session: z
    .object({
      id: z.string().min(1),
      userId: z.string().min(1),
      organizationId: z.string().min(1).optional(),
      jwt: z.string().min(1),
      expiresAt: z.number(),
    })
    .optional(),
})

/** A message of the socket. The decoder ignores unknown types: upstreams 2.2 */
export const CtoFrame = z.looseObject({
  type: z.string(),
  state: optional(z.looseObject({ inProgress: optional(z.boolean()), cancelled: optional(z.boolean()) })),
  buffer: z.unknown().optional(),
  message: optional(z.string()),
})

const Block = z.looseObject({ type: optional(z.string()), text: optional(z.string()) })

/** A document within `buffer`. */
export const CtoDocument = z.looseObject({
  id: optional(z.union([z.string(), z.number()])),
  type: optional(z.string()),
  role: optional(z.string()),
  chat: optional(z.looseObject({ content: optional(z.string()) })),
  content: optional(z.union([z.string(), z.array(Block)])),
})

export type CtoDocument = z.infer<typeof CtoDocument>

/** An error's body. Its shape is not documented. */
export const CtoComplaint = z.looseObject({
  message: optional(z.string()),
  error: optional(z.union([z.string(), z.looseObject({ message: optional(z.string()), code: optional(z.string()) })])),
  code: optional(z.string()),
  hasReachedLimit: optional(z.boolean()),
  limitReached: optional(z.boolean()),
})

/** `GET /billing` */
export const CtoBilling = z.looseObject({
  hasReachedLimit: optional(z.boolean()),
  limitReached: optional(z.boolean()),
})

/** `POST /projects/create-hosted` */
export const CtoProject = z.looseObject({ projectId: z.string().min(1), workspaceId: z.string().min(1) })

/** `GET /chat/adapters` */
export const CtoAdapters = z.looseObject({
  chatAdapters: z.array(
    z.looseObject({
      key: z.string().min(1),
      provider: optional(z.string()),
      enabled: optional(z.boolean()),
    }),
  ),
})
