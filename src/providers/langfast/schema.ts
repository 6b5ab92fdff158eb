import { z } from 'zod'

/** An `execution:chunk`: upstreams 3.4. Older public clients read only `content` and `status`, newer ones all members. */
export const RunPayload = z.looseObject({
  executionId: z.union([z.string(), z.number()]).nullish().catch(undefined),
  content: z.string().nullish().catch(undefined),
  status: z.string().nullish().catch(undefined),
  finish_reason: z.string().nullish().catch(undefined),
  error: z.unknown().optional(),
})

/** The reply that begins a run. */
export const Initiated = z.looseObject({
  jobs: z.array(z.looseObject({ job_id: z.union([z.string(), z.number()]).transform(String) })).catch([]),
})

const words = z.string().nullish().catch(undefined)
/** An error's body. */
export const Complaint = z.looseObject({
  message: words,
  msg: words,
  error: z
    .union([z.string(), z.looseObject({ message: words })])
    .nullish()
    .catch(undefined),
})
