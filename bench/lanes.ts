/** Runs `work` on several lanes at once, until all are done. @throws the first error of any lane */
export async function runLanes(lanes: number, work: (lane: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)))
}

/** Runs `work` for each index from 0 to `count - 1`, on `lanes` of them at a time. */
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
