/** Every view, in both languages, on a phone and a desktop, in light and dark: it loads, is complete, and has no barrier. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { zh } from '../../src/console/page/i18n/zh.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { type Running, start } from '../e2e/program.ts'
import {
  describeInBrowser,
  findBarriers,
  findOverflow,
  openBrowser,
  settled,
  show,
  sizes,
  type Visit,
  visit,
} from './browser.ts'
import { adminKey, seed } from './seed.ts'

const views = ['home', 'upstreams', 'requests', 'usage', 'keys', 'try', 'tools', 'connect', 'api', 'settings'] as const
const dictionaries = { en, zh }

describeInBrowser('every view', () => {
  let browser: Browser
  let demo: Running
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await start({ API_MASTER_KEY: adminKey }, { args: ['demo'] })
    await seed(demo.url)
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  /** Each pair of a language, a size and a colour is in one of these: axe is slow, and a barrier is seldom due to all three. */
  const rounds = [
    { language: 'en', size: 'desktop', theme: 'light' },
    { language: 'en', size: 'phone', theme: 'dark' },
    { language: 'zh', size: 'desktop', theme: 'dark' },
    { language: 'zh', size: 'phone', theme: 'light' },
  ] as const
  for (const { language, size, theme } of rounds)
    test(`in ${language}, ${theme}, on a ${size}`, async () => {
      await using visited = await visit(browser, demo.url, { language, size, theme, key: adminKey })
      await settled(visited)
      for (const view of views) {
        await show(visited, `#/${view}`)
        const title = await visited.page.locator('h1').textContent()
        expect([view, title]).toEqual([view, dictionaries[language].views[view]])
        expect([view, await findBarriers(visited)]).toEqual([view, []])
        await expectNoOverflow(visited, view)
      }
      expect(visited.faults).toEqual([])
    })

  test('with a hundred upstreams', async () => {
    const lab = await emulateOpenai()
    const numbers = Array.from({ length: 100 }, (_, at) => at + 1)
    const variables = numbers.map((number) => [`UPSTREAM_LAB_${number}_URL`, lab.url])
    await using gateway = await start({ ...Object.fromEntries(variables), API_MASTER_KEY: adminKey })
    await using visited = await visit(browser, gateway.url, { key: adminKey, hash: '#/upstreams' })
    const { page } = visited
    await settled(visited)
    expect(await page.locator('main .card').count()).toBeGreaterThan(10)
    for (const view of ['upstreams', 'home', 'try', 'usage', 'settings'] as const) {
      await show(visited, `#/${view}`)
      await expectNoOverflow(visited, view)
    }
    await show(visited, '#/upstreams')
    await page.getByLabel(en.upstreams.filter).fill('lab-77')
    await page.getByText('lab-78').first().waitFor({ state: 'detached' })
    expect(await page.getByText('lab-77').count()).toBeGreaterThan(0)
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
    await lab.close()
  })

  async function expectNoOverflow({ page }: Visit, view: string): Promise<void> {
    const before = page.viewportSize() ?? sizes.desktop
    for (const size of Object.values(sizes)) {
      await page.setViewportSize(size)
      expect([view, size.width, await findOverflow({ page })]).toEqual([view, size.width, []])
    }
    await page.setViewportSize(before)
  }
})
