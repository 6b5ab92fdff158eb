/** Connect: settings to paste, and one request in each dialect that says whether they work. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { describeInBrowser, findBarriers, findOverflow, openBrowser, settled, visit } from './browser.ts'
import { adminKey, makeKey } from './seed.ts'

const words = en.connect

describeInBrowser('Connect', () => {
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

  const open = (client: string, size: 'phone' | 'desktop' = 'desktop') =>
    visit(browser, demo.url, { hash: `#/connect/${client}`, key: adminKey, size })

  async function choose(page: Page, model: string): Promise<void> {
    await page.getByRole('combobox').fill(model)
    await page.keyboard.press('Enter')
  }

  async function check(page: Page): Promise<string> {
    await page.getByRole('button', { name: words.check }).click()
    return (await page.locator('.verdict').textContent()) ?? ''
  }

  for (const [client, path] of [
    ['curl', '/v1/chat/completions'],
    ['codex', '/v1/responses'],
    ['claude-code', '/v1/messages'],
  ] as const)
    test(`${client} is tried in its own dialect`, async () => {
      await using visited = await open(client)
      await settled(visited)
      await choose(visited.page, 'openai/gpt-5-mini')
      expect(await check(visited.page)).toContain('You said')
      expect(visited.asked).toContain(path)
      expect(await findBarriers(visited)).toEqual([])
      expect(visited.faults).toEqual([])
    })

  for (const client of ['curl', 'codex', 'claude-code'])
    test(`${client}: what does not work is said in words, with what to do`, async () => {
      const old = await makeKey(demo.url, { name: `old-${client}`, expires: '2020-01-31' })
      const limited = await makeKey(demo.url, { name: `limited-${client}`, models: ['cohere/*'] })
      await using visited = await open(client)
      const { page } = visited
      await settled(visited)
      const key = page.getByLabel(words.key, { exact: true })
      await choose(page, 'nobody/nothing')
      expect(await check(page)).toContain(words.troubles.noModel.what)
      await key.fill('sk-wrong')
      expect(await check(page)).toContain(words.troubles.wrongKey.what)
      await key.fill(old)
      expect(await check(page)).toContain(words.troubles.expired.what)
      await key.fill(limited)
      await choose(page, 'cohere/command-r-08-2024')
      expect(await check(page)).toContain('You said')
      expect(await findBarriers(visited)).toEqual([])
    })

  test('a key that is made stands in the settings, and in no address', async () => {
    await using visited = await open('open-webui', 'phone')
    const { page } = visited
    await settled(visited)
    await page.locator('.client').getByText('TRIBUTARY_KEY').first().waitFor()
    await page.getByRole('button', { name: words.makeKey }).click()
    await page.locator('.client pre', { hasText: 'sk-tributary-' }).waitFor()
    const key = await page.getByLabel(words.key, { exact: true }).inputValue()
    expect(
      await page.evaluate<string>('JSON.stringify([location.href, { ...sessionStorage }, { ...localStorage }])'),
    ).not.toContain(key)
    expect(visited.asked.filter((path) => path.includes(key))).toEqual([])
    expect(await findOverflow(visited)).toEqual([])
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
  })

  test('an address that a client in Docker needs stands in the settings; a wrong one is said', async () => {
    await using visited = await open('librechat')
    const { page } = visited
    await settled(visited)
    await page.getByLabel(words.address).fill('http://host.docker.internal:8000/v1/')
    await page.locator('.client pre', { hasText: '"http://host.docker.internal:8000/v1"' }).waitFor()
    await page.getByLabel(words.address).fill('javascript:alert(1)')
    await page.getByText(words.wrongAddress).waitFor()
    expect(await page.locator('.client').textContent()).not.toContain('javascript:')
  })
})
