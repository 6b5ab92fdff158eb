/** The page on a slow network, without one, and in a tab that nobody sees. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page, Request } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { until } from '../waiting.ts'
import { describeInBrowser, openBrowser, patienceMs, settled, show, visit } from './browser.ts'
import { adminKey } from './seed.ts'

describeInBrowser('the network', () => {
  let browser: Browser
  let demo: Running
  beforeAll(async () => {
    browser = await openBrowser()
    demo = await start({ API_MASTER_KEY: adminKey }, { args: ['demo'] })
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.[Symbol.asyncDispose]()
  })

  const live = (page: Page) => page.locator('.live.on').waitFor({ state: 'attached' })
  const notLive = (page: Page) => page.locator('.live:not(.on)').waitFor({ state: 'attached' })

  test('may be slow: the page says that it loads, and every view comes', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey })
    const session = await visited.context.newCDPSession(visited.page)
    await session.send('Network.enable')
    const [latency, downloadThroughput, uploadThroughput] = [400, 50_000, 20_000]
    await session.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency, downloadThroughput, uploadThroughput },
    })
    await visited.page.reload()
    await visited.page.locator('.loading').first().waitFor()
    await settled(visited)
    for (const view of ['upstreams', 'requests', 'usage', 'settings']) await show(visited, `#/${view}`)
    expect(visited.faults).toEqual([])
  })

  test('may be gone: the page says so, and goes on by itself when it is back', async () => {
    const port = new URL(demo.url).port
    await using visited = await visit(browser, demo.url, { key: adminKey, hash: '#/upstreams' })
    await settled(visited)
    await live(visited.page)
    await demo.stop('SIGKILL')
    await notLive(visited.page)
    await visited.page.locator('.sidebar nav a[href="#/settings"]').click()
    await visited.page.getByRole('alert').getByText(en.words.unreachable).waitFor()
    demo = await start({ API_MASTER_KEY: adminKey, PORT: port }, { args: ['demo'] })
    await live(visited.page)
    await visited.page.getByRole('button', { name: en.words.again }).click()
    await visited.page.getByRole('alert').waitFor({ state: 'detached' })
    await settled(visited)
  })

  test('is left alone while the tab is hidden, and the stream is opened again when it is shown', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey })
    await settled(visited)
    await live(visited.page)
    const ended: Request[] = []
    visited.page.on('requestfailed', (request) => ended.push(request))
    await setHidden(visited.page, true)
    await notLive(visited.page)
    const ofEvents = () => ended.filter((request) => request.url().endsWith('/admin/events'))
    await until(() => ofEvents().length === 1, patienceMs, 'the stream is closed')
    const { length } = visited.asked
    await visited.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(visited.asked.length).toBe(length)
    await setHidden(visited.page, false)
    await live(visited.page)
    expect(visited.asked.slice(length)).toContain('/admin/events')
    expect(visited.faults).toEqual([])
  })

  /** A headless browser shows every tab, so the page is told that it is hidden. */
  async function setHidden(page: Page, isHidden: boolean): Promise<void> {
    await page.evaluate(`(() => {
      Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
      Object.defineProperty(document, 'visibilityState', { value: '${isHidden ? 'hidden' : 'visible'}', configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    })()`)
  }
})
