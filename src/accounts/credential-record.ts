import { z } from 'zod'

/** What a store keeps of a renewed credential. */
export const CredentialRecord = z.object({
  /**
   * A hash of the configured credential that this record began with. If another one is configured, the record is
   * ignored.
   */
  source: z.string(),
  credential: z.string(),
  isOpen: z.boolean(),
  dead: z.object({ reason: z.enum(['login-needed', 'account-banned']), message: z.string() }).optional(),
})

export type CredentialRecord = z.infer<typeof CredentialRecord>
