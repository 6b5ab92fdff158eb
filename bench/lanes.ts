/** Runs `work` on several lanes side by side until all are done; the first failure is everybody's. */
export async function runLanes(lanes: number, work: (lane: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)))
}

/** Does `work` for 0 … count - 1, `lanes` of them at a time. */
export async function runCount(count: number, lanes: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await runLanes(Math.min(lanes, count), async () => {
    while (next < count) {
      const index = next
      next += 1
      await work(index)
    }
  })
}
