import { z } from 'zod'

/** What a worker says of one seed. */
export const Verdict = z.object({
  seed: z.number(),
  hash: z.string(),
  wrong: z.array(z.string()),
  /** Milliseconds of CPU that the night took. */
  cpuMs: z.number(),
})

export type Verdict = z.infer<typeof Verdict>
