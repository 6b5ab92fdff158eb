/** Measures the page on a machine that does nothing else: `bun test/browser/measure.ts`. docs/console.md has the figures. */
import { buildPage } from '../../src/console/build-page.ts'
import { en } from '../../src/console/page/i18n/en.ts'
import { start } from '../e2e/program.ts'
import { openBrowser, settled, type Visit, visit } from './browser.ts'
import { startWriter } from './writer.ts'

const writer = await startWriter({
  'two-hundred': { words: 5_000, paceMs: 5, tokensAtOnce: 1 },
  page: { words: 1_200, paceMs: 0, tokensAtOnce: 40 },
})
const gateway = await start(writer.variables)
const browser = await openBrowser()

async function ask({ page }: Visit, text: string): Promise<void> {
  await page.getByLabel(en.try.prompt).fill(text)
  await page.keyboard.press('Enter')
  await page.locator('.turn', { hasText: text }).last().getByText('That was all.').waitFor()
  await page.locator('.answer[aria-busy="true"]').first().waitFor({ state: 'detached' })
}

async function measurePaint(): Promise<string> {
  const times: number[] = []
  for (let at = 0; at < 9; at++) {
    await using visited = await visit(browser, gateway.url)
    await settled(visited)
    const paint = `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0`
    times.push(await visited.page.evaluate<number>(paint))
  }
  const [median = 0] = times.toSorted((a, b) => a - b).slice(4)
  return `${median.toFixed(0)} ms (the median of nine new browsers)`
}

async function measureFrames(): Promise<string> {
  await using visited = await visit(browser, gateway.url, { hash: '#/try?model=lab/two-hundred' })
  await settled(visited)
  await visited.page.evaluate(`(() => {
    window.frames50 = []
    let last = performance.now()
    const look = (now) => {
      window.frames50.push(now - last)
      last = now
      requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })()`)
  const startedAt = performance.now()
  await ask(visited, 'Write 5,000 words')
  const rate = 5_000 / ((performance.now() - startedAt) / 1_000)
  const gaps = (await visited.page.evaluate<number[]>('window.frames50')).toSorted((a, b) => b - a)
  const slow = gaps.filter((gap) => gap > 50).length
  return `${gaps[0]?.toFixed(0)} ms is the longest of ${gaps.length}, ${slow} over 50 ms, at ${rate.toFixed(0)} tokens a second`
}

async function measureMemory(): Promise<string> {
  await using visited = await visit(browser, gateway.url, { hash: '#/try?model=lab/page' })
  await settled(visited)
  const session = await visited.context.newCDPSession(visited.page)
  await session.send('Performance.enable')
  const heaps: string[] = []
  for (let asked = 1; asked <= 50; asked++) {
    await ask(visited, `Question ${asked}`)
    if (asked % 10 !== 0) continue
    await session.send('HeapProfiler.collectGarbage')
    const { metrics } = await session.send('Performance.getMetrics')
    const used = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0
    heaps.push((used / 2 ** 20).toFixed(1))
  }
  return `${heaps.join(', ')} MiB after 10, 20 … 50 answers of 1,200 words`
}

const sizes = buildPage().map(({ gzip }) => Buffer.from(gzip, 'base64').length)
console.info(`script and style, compressed: ${(sizes.reduce((sum, size) => sum + size, 0) / 1024).toFixed(1)} KiB`)
console.info(`first paint: ${await measurePaint()}`)
console.info(`frames: ${await measureFrames()}`)
console.info(`heap: ${await measureMemory()}`)
await browser.close()
await gateway[Symbol.asyncDispose]()
await writer[Symbol.asyncDispose]()
