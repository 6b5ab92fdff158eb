/** What a program tries with a client: it must not throw. */
export type Checks = Readonly<Record<string, () => Promise<void>>>

/** Compares two values as JSON. @throws Error if they differ */
export function same(got: unknown, wanted: unknown): void {
  const [is, must] = [got, wanted].map((value) => JSON.stringify(value))
  if (is !== must) throw new Error(`got ${is}, not ${must}`)
}

/** Runs all checks at once. @returns an error, or nothing, for each */
export async function run(checks: Checks): Promise<Readonly<Record<string, string | null>>> {
  const tried = Object.entries(checks).map(async ([name, check]): Promise<[string, string | null]> => {
    try {
      await check()
      return [name, null]
    } catch (thrown) {
      return [name, thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)]
    }
  })
  return Object.fromEntries(await Promise.all(tried))
}
