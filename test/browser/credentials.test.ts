/** Credentials that are pasted: tried at once, kept, replaced, rested and removed, without a restart. And the settings. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { emptyFolder, type Running, start } from '../e2e/program.ts'
import { describeInBrowser, findBarriers, openBrowser, settled, show, type Visit, visit } from './browser.ts'
import { adminKey } from './seed.ts'

const { upstreams: words, settings, home } = en
const { addDialog, account: accountWords } = words
const [firstKey, secondKey] = ['sk-lab-first-0123456789', 'sk-lab-second-0123456789']

describeInBrowser('a credential', () => {
  let browser: Browser
  let folder: Awaited<ReturnType<typeof emptyFolder>>
  let gateway: Running
  let lab: OpenaiEmulator
  let visited: Visit
  let page: Page
  beforeAll(async () => {
    browser = await openBrowser()
    folder = await emptyFolder()
    lab = await emulateOpenai({ keys: [firstKey, secondKey] })
    const state = {
      STATE_URL: `sqlite:${join(folder.path, 'state.db')}`,
      STATE_SECRET: 'a-secret-of-some-length-0123456789',
    }
    await writeFile(join(folder.path, '.env'), 'LOG_LEVEL=info\n')
    gateway = await start({ API_MASTER_KEY: adminKey, ...state }, { cwd: folder.path })
    visited = await visit(browser, gateway.url, { key: adminKey })
    page = visited.page
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
    await lab?.close()
    await folder?.[Symbol.asyncDispose]()
  })

  const dialog = () => page.locator('dialog[open]')
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const send = () => dialog().getByRole('button', { name: addDialog.submit }).click()

  test('is pasted, tried, kept, replaced, rested, woken and removed', async () => {
    // the home view names it as the first step
    await settled(visited)
    await page.getByRole('heading', { name: home.first.title }).waitFor()
    await page.getByRole('link', { name: home.first.add }).click()
    await dialog().getByLabel(addDialog.service).selectOption({ label: addDialog.compatible })
    await dialog().getByLabel(addDialog.name, { exact: true }).fill('my lab')
    await dialog().getByLabel(addDialog.url).fill(lab.url)
    await send()
    await dialog().getByText(addDialog.nameError).waitFor()
    expect(await findBarriers(visited)).toEqual([])

    // that the upstream refuses is not kept
    await dialog().getByLabel(addDialog.name, { exact: true }).fill('lab')
    await dialog().getByLabel(addDialog.optionalKey).fill('sk-wrong-0123456789')
    await send()
    await dialog().getByText(addDialog.refused).waitFor()
    expect(await page.locator('article').allInnerTexts()).not.toContain('lab')
    expect(await findBarriers(visited)).toEqual([])

    // that cannot be tried is kept only if somebody wants that
    await dialog().getByLabel(addDialog.name, { exact: true }).fill('gone')
    await dialog().getByLabel(addDialog.url).fill('http://127.0.0.1:9/v1')
    await send()
    await dialog().getByText(addDialog.notTested).waitFor()
    await press(addDialog.keepAnyway)
    await dialog().getByText('gone is kept, but has not answered yet.').waitFor()
    await page.locator('article', { hasText: 'UPSTREAM_GONE' }).waitFor()

    // that works is in use at once
    await press(addDialog.another)
    await dialog().getByLabel(addDialog.name, { exact: true }).fill('lab')
    await dialog().getByLabel(addDialog.url).fill(lab.url)
    await dialog().getByLabel(addDialog.optionalKey).fill(firstKey)
    await send()
    await dialog().getByText('lab works').waitFor()
    await page.keyboard.press('Enter')
    await dialog().waitFor({ state: 'detached' })
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'lab/gpt-test', messages: [{ role: 'user', content: 'Hello' }] }),
    })
    expect(response.status).toBe(200)

    // is replaced by another one
    await show(visited, '#/upstreams/lab?replace=UPSTREAM_LAB_KEY')
    await dialog().getByLabel(addDialog.key).fill(secondKey)
    await send()
    await dialog().getByText('lab works').waitFor()
    await dialog().getByRole('button', { name: en.words.close }).last().click()
    await dialog().waitFor({ state: 'detached' })
    await press(words.test)
    await page.locator('.tested .label', { hasText: 'UPSTREAM_LAB_KEY' }).waitFor()
    expect(lab.requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${secondKey}`)
    expect(page.url()).toEndWith('#/upstreams/lab')

    // rests and is woken
    await press(accountWords.rest)
    await dialog().getByRole('button', { name: en.upstreams.restDialog.submit }).click()
    await page.locator('.account', { hasText: accountWords.byOperator }).waitFor()
    await press(accountWords.wake)
    await page.locator('.account', { hasText: accountWords.states.ok }).waitFor()

    // is in the settings by its name, and its text is nowhere
    await show(visited, '#/settings?name=UPSTREAM_LAB_KEY')
    await page.getByRole('row', { name: /UPSTREAM_LAB_KEY.*added in this console/ }).waitFor()
    const whole = await page.content()
    for (const secret of [firstKey, secondKey]) expect(whole).not.toContain(secret)

    // is removed, with its upstream
    await show(visited, '#/upstreams/lab')
    await press(accountWords.remove)
    await press(en.upstreams.removeDialog.submit)
    await page.getByText('There is no upstream lab any more.').waitFor()
  })

  test('the settings are read again, and say what has changed', async () => {
    await writeFile(join(folder.path, '.env'), 'LOG_LEVEL=warn\nPORT=1\n')
    await show(visited, '#/settings')
    await press(settings.reload)
    await page.locator('.notice', { hasText: 'In force now: LOG_LEVEL' }).waitFor()
    await writeFile(join(folder.path, '.env'), 'LOG_LEVEL=loud\n')
    await press(settings.reload)
    await page.locator('.notice', { hasText: settings.problems }).waitFor()
    expect(await findBarriers(visited)).toEqual([])
    // a credential that is refused is an answer of 400, which Chromium notes
    expect(visited.faults.filter((fault) => !fault.includes('400'))).toEqual([])
  })
})
