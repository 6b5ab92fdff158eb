/** Requests, Usage, Keys and Tools: what somebody does in them, and what comes of it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { describeInBrowser, findBarriers, openBrowser, settled, show, type Visit, visit } from './browser.ts'
import { adminKey, ask, makeKey } from './seed.ts'

const { requests, usage, keys, tools } = en

describeInBrowser('the data of the gateway', () => {
  let browser: Browser
  let gateway: Running
  beforeAll(async () => {
    browser = await openBrowser()
    const sdk = { command: process.execPath, args: [join(import.meta.dir, '../tools/sdk-server.ts')] }
    const servers = { sdk, gone: { command: 'no-such-command-here' } }
    gateway = await start({ API_MASTER_KEY: adminKey, MCP_SERVERS: JSON.stringify({ mcpServers: servers }) })
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
  })

  const open = (hash: string) => visit(browser, gateway.url, { key: adminKey, hash })

  /** @returns the id of the request */
  async function chat(model: string, { key = adminKey, content = 'Good morning!' } = {}): Promise<string> {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }], top_k: 3 }),
    })
    await response.text()
    return response.headers.get('x-request-id') ?? ''
  }

  const rowOf = ({ page }: Visit, id: string) => page.locator('.requests tbody tr', { hasText: id })

  test('a new request is shown by itself, and waits while the list is paused', async () => {
    await using visited = await open('#/requests')
    await visited.page.locator('.live.on').waitFor()
    await rowOf(visited, await chat('demo/echo')).waitFor()
    await visited.page.getByRole('button', { name: requests.pause }).click()
    const waiting = await chat('demo/echo')
    await visited.page.getByText(requests.waiting(1)).waitFor()
    expect(await rowOf(visited, waiting).count()).toBe(0)
    await visited.page.getByRole('button', { name: requests.goOn }).click()
    await rowOf(visited, waiting).waitFor()
    expect(visited.faults).toEqual([])
  })

  test('a new request waits while the reader is in the list', async () => {
    const known = await chat('demo/echo')
    await using visited = await open('#/requests')
    await visited.page.locator('.live.on').waitFor()
    await rowOf(visited, known).getByRole('link').focus()
    const waiting = await chat('demo/echo')
    await visited.page.getByText(requests.waiting(1)).waitFor()
    expect(await rowOf(visited, waiting).count()).toBe(0)
    await visited.page.locator('h1').focus()
    await rowOf(visited, waiting).waitFor()
  })

  test('the filter is in the address, and a link keeps it', async () => {
    const [good, bad] = [await chat('demo/echo'), await chat('no-such-model')]
    await using visited = await open('#/requests')
    await rowOf(visited, good).waitFor()
    await visited.page.getByLabel(requests.columns.outcome).selectOption('failed')
    await rowOf(visited, good).waitFor({ state: 'detached' })
    await using linked = await open(new URL(visited.page.url()).hash)
    await rowOf(linked, bad).waitFor()
    expect(await rowOf(linked, good).count()).toBe(0)
    expect(await linked.page.getByLabel(requests.columns.outcome).inputValue()).toBe('failed')
  })

  test('a request is found by its id: its course, its parameters, and a command that sends it again', async () => {
    const id = await chat('demo/echo')
    await using visited = await open('#/requests')
    await visited.page.getByLabel(requests.find).fill(id)
    await visited.page.keyboard.press('Enter')
    const { details } = requests
    const course = visited.page.getByRole('table', { name: details.course })
    await course.waitFor()
    expect(await course.getByRole('row').allTextContents()).toEqual([
      expect.stringContaining(details.starts),
      expect.stringMatching(/^Attempt 1demo · demo · echook/),
      expect.stringMatching(/^Whole requestok0 ms/),
    ])
    await visited.page.getByText(details.treatments.dropped).waitFor()
    const command = await visited.page.getByRole('region', { name: details.curl }).textContent()
    expect(command).toContain(`curl '${gateway.url}/v1/chat/completions'`)
    expect(command).toContain('"Authorization: Bearer $TRIBUTARY_KEY"')
    expect(await visited.page.content()).not.toContain(adminKey)
    expect([...visited.faults, ...(await findBarriers(visited))]).toEqual([])
  })

  test('two requests are compared', async () => {
    const [first, second] = [await chat('demo/echo'), await chat('no-such-model')]
    await using visited = await open('#/requests')
    for (const id of [first, second]) await visited.page.getByLabel(requests.choose(id)).check()
    await visited.page.getByRole('link', { name: requests.compare, exact: true }).click()
    const table = visited.page.getByRole('table', { name: requests.diff.fields })
    const outcome = table
      .getByRole('row')
      .filter({ has: visited.page.getByRole('rowheader', { name: 'outcome', exact: true }) })
    expect(await outcome.getByRole('cell').allTextContents()).toEqual(['ok', 'model_not_found'])
    expect([...visited.faults, ...(await findBarriers(visited))]).toEqual([])
  })

  test('a named key finds its own request and no other', async () => {
    const key = await makeKey(gateway.url, { name: 'reader' })
    const [own, other] = [await chat('demo/echo', { key }), await chat('demo/echo')]
    await using visited = await visit(browser, gateway.url, { key, hash: `#/requests/${own}` })
    await visited.page.getByRole('table', { name: requests.details.course }).waitFor()
    await show(visited, `#/requests/${other}`)
    await visited.page.getByText('Only those of your own key are shown.').waitFor()
  })

  test('what was used is counted by key, and saved as CSV', async () => {
    const key = await makeKey(gateway.url, { name: 'counted' })
    await chat('demo/echo', { key })
    await using visited = await open('#/usage?by=key')
    const table = visited.page.getByRole('table')
    await table.getByRole('rowheader', { name: 'counted' }).waitFor()
    const saving = visited.page.waitForEvent('download')
    await visited.page.getByRole('button', { name: usage.csv }).click()
    const saved = await saving
    expect(saved.suggestedFilename()).toStartWith('usage-by-key-')
    const csv = await Bun.file(await saved.path()).text()
    expect(csv).toStartWith('key,requests,failed,')
    expect(csv).toContain('\r\ncounted,1,0,')
    await table.getByRole('link', { name: 'counted' }).click()
    await visited.page.getByText(usage.onlyKey('counted')).waitFor()
    await settled(visited)
    expect(await table.getByRole('row').last().textContent()).toMatch(/^Total1/)
  })

  test('a key is made, shown once, used, limited and revoked', async () => {
    await using visited = await open('#/keys')
    const { page } = visited
    await page.getByRole('button', { name: keys.make }).click()
    const dialog = page.getByRole('dialog')
    const name = dialog.getByLabel(keys.fields.name, { exact: true })
    await name.fill('my tablet')
    await dialog.getByRole('button', { name: keys.make }).click()
    await dialog.getByText('"name" must be').waitFor()
    expect(await name.getAttribute('aria-invalid')).toBe('true')
    await name.fill('tablet')
    await dialog.getByRole('button', { name: keys.make }).click()
    const key = (await page.getByRole('region', { name: keys.key, exact: true }).textContent()) ?? ''
    expect(await ask(gateway.url, 'GET /admin/keys')).not.toContain(key)
    expect(await statusOf(key)).toBe(200)
    await page.getByRole('button', { name: keys.dismiss }).click()
    expect(await page.content()).not.toContain(key)
    await page.getByRole('button', { name: `${keys.change} tablet` }).click()
    await dialog.getByLabel(keys.fields.rpm).fill('7')
    await dialog.getByRole('button', { name: keys.save }).click()
    await page.getByText(keys.perMinute('7')).waitFor()
    await page.getByRole('button', { name: `${keys.revoke} tablet` }).click()
    await dialog.getByRole('button', { name: keys.revoke }).click()
    await page.getByRole('rowheader', { name: 'tablet' }).waitFor({ state: 'detached' })
    // the marks around a name are not shown, as the marks of a stranger would be
    await page.getByText('The key tablet is revoked.', { exact: true }).waitFor()
    expect(await statusOf(key)).toBe(403)
  })

  test('a key that is revoked at once is no longer shown', async () => {
    await using visited = await open('#/keys')
    const { page } = visited
    await page.getByRole('button', { name: keys.make }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel(keys.fields.name, { exact: true }).fill('slip')
    await dialog.getByRole('button', { name: keys.make }).click()
    await page.getByRole('region', { name: keys.key, exact: true }).waitFor()
    await page.getByRole('button', { name: `${keys.revoke} slip` }).click()
    await dialog.getByRole('button', { name: keys.revoke }).click()
    await page.getByRole('region', { name: keys.key, exact: true }).waitFor({ state: 'detached' })
  })

  test('an account that somebody let rest is woken from the home view', async () => {
    await ask(gateway.url, 'POST /admin/upstreams/demo/accounts/demo/rest', { minutes: 5 })
    await using visited = await open('#/home')
    const need = visited.page.locator('.need', { hasText: 'somebody let it rest in this console' })
    expect(await need.locator('.need-when').textContent()).not.toContain('Began in')
    await need.getByRole('button', { name: en.upstreams.account.wake }).click()
    await need.waitFor({ state: 'detached' })
    expect(visited.faults).toEqual([])
  })

  async function statusOf(key: string): Promise<number> {
    return (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status
  }

  /** Opens the form of a tool. */
  async function tryTool({ page }: Visit, name: string) {
    await page.getByRole('button', { name: `${tools.try} : ${name}` }).click()
    return page.locator('.tool-list > li', { hasText: name }).locator('form.trial')
  }

  test('a tool is tried with a form of its schema, or with JSON', async () => {
    await using visited = await open('#/tools')
    const form = await tryTool(visited, 'sdk__echo')
    await form.getByLabel('text').fill('<b>hello</b>')
    await form.getByRole('button', { name: tools.run }).click()
    await form.getByText(tools.worked).waitFor()
    expect(await form.getByRole('region', { name: tools.text }).textContent()).toContain('<b>hello</b>')
    await form.getByText(tools.asJson, { exact: true }).click()
    expect(JSON.parse(await form.getByLabel(tools.arguments).inputValue())).toEqual({ text: '<b>hello</b>' })
    await form.getByLabel(tools.arguments).fill('[1]')
    await form.getByRole('button', { name: tools.run }).click()
    await form.getByText(tools.notObject).waitFor()
    expect([...visited.faults, ...(await findBarriers(visited))]).toEqual([])
  })

  test('a tool that hangs is stopped', async () => {
    await using visited = await open('#/tools')
    const form = await tryTool(visited, 'sdk__hang')
    await form.getByRole('button', { name: tools.run }).click()
    await form.getByRole('button', { name: tools.stop }).click()
    await visited.page.getByText(tools.stopped).waitFor()
    await form.getByText(tools.careful).waitFor()
  })

  test('a server that failed is first, and says why and what it wrote', async () => {
    await using visited = await open('#/tools')
    const first = visited.page.locator('.card.server').first()
    await first.getByText(tools.lastError).waitFor()
    expect(await first.locator('h2').textContent()).toBe(`gone ${tools.statuses.failed}`)
    expect(await first.textContent()).toContain('no-such-command-here')
    await visited.page.getByRole('button', { name: tools.restartOf('sdk') }).click()
    await visited.page.getByText(tools.restarted('sdk')).waitFor()
  })

  test('a bad message goes when its view is left', async () => {
    await using visited = await open('#/tools')
    await visited.page.getByRole('button', { name: tools.restartOf('gone') }).click()
    await visited.page.getByText(tools.failedAgain('gone')).waitFor()
    await show(visited, '#/usage')
    expect(await visited.page.locator('.toast.bad').count()).toBe(0)
  })
})
