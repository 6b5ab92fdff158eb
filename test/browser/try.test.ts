/** Try and Compare: streams, stops, failures in the middle, long answers and long conversations. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { describeInBrowser, findBarriers, findOverflow, openBrowser, settled, type Visit, visit } from './browser.ts'
import { startWriter, type Writer } from './writer.ts'

const words = en.try

describeInBrowser('Try', () => {
  let browser: Browser
  let writer: Writer
  let gateway: Running
  beforeAll(async () => {
    browser = await openBrowser()
    writer = await startWriter({
      short: { words: 60, paceMs: 0, tokensAtOnce: 5 },
      // a thousand tokens a second: five times as fast as an answer of 200, so that CI is done sooner
      long: { words: 5_000, paceMs: 5, tokensAtOnce: 5 },
      page: { words: 1_200, paceMs: 0, tokensAtOnce: 40 },
      endless: { words: 1_000_000, paceMs: 5, tokensAtOnce: 1 },
    })
    gateway = await start(writer.variables)
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
    await writer?.[Symbol.asyncDispose]()
  })

  const open = (model: string, size: 'phone' | 'desktop' = 'desktop') =>
    visit(browser, gateway.url, { hash: `#/try?model=${encodeURIComponent(model)}`, size })

  async function send(page: Page, text: string): Promise<void> {
    await page.getByLabel(words.prompt).fill(text)
    await page.keyboard.press('Enter')
  }

  /** Waits until so many answers have ended. */
  async function answered({ page }: Pick<Visit, 'page'>, count = 1): Promise<void> {
    await page
      .locator('.answer[aria-busy="false"]')
      .nth(count - 1)
      .waitFor()
    await page.locator('.answer[aria-busy="true"]').first().waitFor({ state: 'detached' })
  }

  test('an answer is streamed as Markdown, with its measures', async () => {
    await using visited = await open('lab/short')
    const { page } = visited
    await settled(visited)
    await send(page, 'Good morning!')
    await answered(visited)
    await page.getByRole('heading', { name: 'Part 1' }).waitFor()
    await page.getByText('That was all.').waitFor()
    const measures = await page.locator('.answer-foot .measures').textContent()
    expect(measures).toContain(words.firstToken)
    expect(measures).toContain('20 → 60')
    await page.locator('.answer-foot summary').click()
    await page.locator('.receipt a[href^="#/requests/"]').waitFor()
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
  })

  test('only what is switched on is sent', async () => {
    await using visited = await open('lab/short')
    await settled(visited)
    const bodies: unknown[] = []
    visited.page.on('request', (request) => {
      if (request.url().endsWith('/v1/chat/completions')) bodies.push(request.postDataJSON())
    })
    await send(visited.page, 'Hello')
    await answered(visited)
    expect(bodies).toEqual([
      {
        model: 'lab/short',
        messages: [{ role: 'user', content: 'Hello' }],
        stream: true,
        stream_options: { include_usage: true },
      },
    ])
  })

  test('two models answer side by side, and fit on a phone', async () => {
    await using visited = await open('lab/short', 'phone')
    const { page } = visited
    await settled(visited)
    await page.getByRole('button', { name: words.addModel }).click()
    await send(page, 'Both of you')
    await answered(visited, 2)
    expect(await page.locator('section.column').count()).toBe(2)
    expect(await findOverflow(visited)).toEqual([])
    expect(await findBarriers(visited)).toEqual([])
  })

  test('an answer that its upstream breaks off says so, and what came is kept', async () => {
    await using visited = await open('lab/breaks-off')
    const { page } = visited
    await settled(visited)
    await send(page, 'Begin')
    await answered(visited)
    await page.locator('.markdown', { hasText: 'Half of an' }).waitFor()
    const notice = page.locator('.answer .notice.bad')
    expect(await notice.textContent()).toContain(words.brokeOff.trim())
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
  })

  test('a model that is not there is told as it is', async () => {
    await using visited = await open('lab/nothing')
    await settled(visited)
    await send(visited.page, 'Hello')
    await answered(visited)
    expect(await visited.page.locator('.answer .failure').textContent()).toContain('does not exist')
  })

  test('an answer can be stopped, and the upstream is left', async () => {
    await using visited = await open('lab/endless')
    const { page } = visited
    await settled(visited)
    await send(page, 'Go on')
    await page.locator('.markdown').waitFor()
    await page.getByRole('button', { name: words.stop, exact: true }).click()
    await page.getByText(words.stopped).waitFor()
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
  })

  test('a tool call is a card, and nothing runs', async () => {
    await using visited = await open('lab/calls')
    const { page } = visited
    await settled(visited)
    await page.getByText(words.options, { exact: true }).click()
    await page.getByLabel('tools', { exact: true }).check()
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }]
    await page.getByLabel(words.valueOf('tools')).fill(JSON.stringify(tools))
    await send(page, 'call weather')
    await answered(visited)
    await page.locator('.call', { hasText: 'weather' }).waitFor()
    await page.locator('.call', { hasText: 'Paris' }).waitFor()
    expect(await findBarriers(visited)).toEqual([])
  })

  test('of 5,000 words a finished part is not drawn again', async () => {
    await using visited = await open('lab/long')
    const { page } = visited
    await settled(visited)
    await send(page, 'Write a long text')
    await page.getByRole('heading', { name: 'Part 3' }).waitFor()
    await page.evaluate(`(() => {
      const [first, second] = document.querySelectorAll('.markdown :is(h2, h3, h4, h5, h6)')
      window.kept = [first, second, first.closest('.section')]
      window.changes = 0
      const watch = new MutationObserver((records) => (window.changes += records.length))
      watch.observe(window.kept[2], { childList: true, characterData: true, subtree: true, attributes: true })
    })()`)
    await answered(visited)
    await page.getByText('That was all.').waitFor()
    expect(await page.getByRole('heading', { name: /^Part \d+$/ }).count()).toBe(28)
    const kept = await page.evaluate<readonly boolean[]>('window.kept.map((element) => element.isConnected)')
    expect([kept, await page.evaluate<number>('window.changes')]).toEqual([[true, true, true], 0])
    expect(visited.faults).toEqual([])
  })

  test('after fifty long answers the page holds no more than after twenty', async () => {
    await using visited = await open('lab/page')
    const { page } = visited
    await settled(visited)
    const sizes: number[] = []
    for (let asked = 1; asked <= 50; asked++) {
      await send(page, `Question ${asked}`)
      await page
        .locator('.turn', { hasText: `Question ${asked}` })
        .last()
        .getByText('That was all.')
        .waitFor()
      await page.locator('.answer[aria-busy="true"]').first().waitFor({ state: 'detached' })
      if (asked === 20 || asked === 50) sizes.push(await page.evaluate<number>("document.querySelectorAll('*').length"))
    }
    const [after20 = 0, after50 = 0] = sizes
    expect(after20).toBeGreaterThan(500)
    expect(after50).toBeLessThan(after20 * 1.1)
    const { length } = await page.evaluate<string>("sessionStorage.getItem('tributary-conversation')")
    expect(length).toBeLessThanOrEqual(1_500_000)
    expect(visited.faults).toEqual([])
  })
})
