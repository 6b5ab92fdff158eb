/** Who may see what, and where the key is: in the tab, and nowhere else. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { zh } from '../../src/console/page/i18n/zh.ts'
import { type Running, start } from '../e2e/program.ts'
import { describeInBrowser, findBarriers, openBrowser, settled, show, visit, watch } from './browser.ts'
import { adminKey, makeKey } from './seed.ts'

describeInBrowser('the key', () => {
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

  async function signIn(page: Page, key: string): Promise<void> {
    await page.getByLabel(en.signIn.key).fill(key)
    await page.keyboard.press('Enter')
  }

  /** What the browser shows or keeps where others could read it. */
  async function keptIn(page: Page): Promise<string> {
    return await page.evaluate<string>(
      'JSON.stringify([location.href, document.title, document.cookie, history.state, window.name, { ...localStorage }])',
    )
  }

  test('is asked for once, and no barrier is before it', async () => {
    await using visited = await visit(browser, demo.url)
    await settled(visited)
    expect(await visited.page.locator('h1').textContent()).toContain('tributary')
    expect(await findBarriers(visited)).toEqual([])
    // a page that has no key is told so by the gateway, which Chromium notes
    expect(visited.faults.filter((fault) => !fault.includes('401'))).toEqual([])
    await signIn(visited.page, adminKey)
    await visited.page.locator('.sidebar nav').waitFor()
    await visited.page.reload()
    await visited.page.locator('.sidebar nav').waitFor()
  })

  test('that is wrong is refused in words, and the field says so', async () => {
    await using visited = await visit(browser, demo.url)
    await signIn(visited.page, 'sk-wrong')
    await visited.page.getByText('The API key is wrong, or was revoked.').waitFor()
    const field = visited.page.getByLabel(en.signIn.key)
    expect(await field.getAttribute('aria-invalid')).toBe('true')
    expect(await findBarriers(visited)).toEqual([])
    expect(await visited.page.evaluate<number>('sessionStorage.length + localStorage.length')).toBe(0)
    await signIn(visited.page, adminKey)
    await visited.page.locator('.sidebar nav').waitFor()
  })

  test('that is wrong is refused in Chinese too', async () => {
    await using visited = await visit(browser, demo.url, { language: 'zh' })
    await visited.page.getByLabel(zh.signIn.key).fill('sk-wrong')
    await visited.page.keyboard.press('Enter')
    await visited.page.getByText(zh.signIn.wrong).waitFor()
  })

  test('that is too old is refused, with the time at which it ended', async () => {
    const old = await makeKey(demo.url, { name: 'old', expires: '2020-01-31' })
    await using visited = await visit(browser, demo.url)
    await signIn(visited.page, old)
    await visited.page.getByText('This API key was valid until 2020-02-01').waitFor()
  })

  test('with a name shows its own requests and usage, Try and Connect, and asks nothing of an admin', async () => {
    const key = await makeKey(demo.url, { name: 'team', models: ['cohere/*'] })
    await using visited = await visit(browser, demo.url, { key })
    await settled(visited)
    const { requests, usage, try: tryView, connect, api } = en.views
    expect(await visited.page.locator('.sidebar nav a').allTextContents()).toEqual([
      ...[requests, usage, tryView, connect, api],
    ])
    for (const hash of ['#/requests', '#/usage', '#/try', '#/connect', '#/api']) await show(visited, hash)
    for (const hash of ['#/home', '#/keys', '#/tools/some', '#/settings', '#/nothing']) {
      await visited.page.evaluate(`location.hash = '${hash}'`)
      await settled(visited)
      expect([hash, await visited.page.locator('h1').textContent()]).toEqual([hash, tryView])
    }
    expect(visited.asked.filter((path) => path.startsWith('/admin'))).toEqual([])
    expect(visited.faults).toEqual([])
  })

  test('is kept in the tab only: in no address, no cookie, and not for another tab', async () => {
    await using visited = await visit(browser, demo.url)
    await signIn(visited.page, adminKey)
    await visited.page.locator('.sidebar nav').waitFor()
    for (const view of Object.keys(en.views)) {
      await show(visited, `#/${view}`)
      expect(await keptIn(visited.page)).not.toContain(adminKey)
    }
    expect(visited.asked.filter((path) => path.includes(adminKey))).toEqual([])
    const other = await visited.context.newPage()
    watch(other, demo.url)
    await other.goto(demo.url)
    await other.getByLabel(en.signIn.key).waitFor()
  })

  test('can be forgotten', async () => {
    await using visited = await visit(browser, demo.url)
    await signIn(visited.page, adminKey)
    await visited.page.getByRole('button', { name: en.shell.leave }).click()
    await visited.page.getByLabel(en.signIn.key).waitFor()
    expect(await visited.page.evaluate<number>('sessionStorage.length')).toBe(0)
    await visited.page.reload()
    await visited.page.getByLabel(en.signIn.key).waitFor()
  })

  test('that is revoked while the page is open is asked for again', async () => {
    const key = await makeKey(demo.url, { name: 'guest', role: 'admin' })
    await using visited = await visit(browser, demo.url)
    await signIn(visited.page, key)
    await visited.page.locator('.sidebar nav').waitFor()
    await fetch(`${demo.url}/admin/keys/guest`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${adminKey}` },
    })
    await visited.page.locator('.sidebar nav a[href="#/keys"]').click()
    await visited.page.getByLabel(en.signIn.key).waitFor()
    await visited.page.getByText('The API key is wrong, or was revoked.').waitFor()
    await signIn(visited.page, adminKey)
    await visited.page.locator('.sidebar nav').waitFor()
  })
})

describeInBrowser('without keys', () => {
  test('a program of this machine is an admin, and nobody is asked for a key', async () => {
    const browser = await openBrowser()
    await using demo = await start({}, { args: ['demo'] })
    await using visited = await visit(browser, demo.url)
    await settled(visited)
    expect(await visited.page.locator('.sidebar nav a').count()).toBe(Object.keys(en.views).length)
    expect(await visited.page.getByRole('button', { name: en.shell.leave }).count()).toBe(0)
    await browser.close()
  })
})
