import type { QuotaReport, QuotaWindow } from '../chat/quota.ts'

/** What is left of an account's limits, as the reply to the last request with a model said it. */
export interface ModelQuota {
  readonly model: string
  /** When the reply came, in milliseconds since 1970. */
  readonly receivedAt: number
  readonly windows: readonly QuotaWindow[]
}

/** Limit for the models whose quota is remembered. Clients choose the names of models. */
const maxModels = 32

/** Keeps the last report for each model, unread. */
export class AccountQuota {
  readonly #reports = new Map<string, QuotaReport>()

  note(model: string, report: QuotaReport): void {
    this.#reports.set(model, report)
    if (this.#reports.size <= maxModels) return
    const [oldest] = this.#reports.keys()
    if (oldest !== undefined) this.#reports.delete(oldest)
  }

  /** Reads the reports. What was reset since then is left out. */
  read(now: number): readonly ModelQuota[] {
    return [...this.#reports].flatMap(([model, report]) => {
      const { receivedAt } = report
      const windows = report.windows().filter(({ resetAt }) => resetAt === undefined || resetAt > now)
      return windows.length > 0 ? [{ model, receivedAt, windows }] : []
    })
  }
}
