/** Texts of models, tools, upstreams and clients in every view: they are shown, and do nothing. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { until } from '../waiting.ts'
import {
  describeInBrowser,
  findBarriers,
  findOverflow,
  openBrowser,
  patienceMs,
  settled,
  show,
  type Visit,
  visit,
} from './browser.ts'
import { type Evil, evilModels, hostileMarkdown, hostileTexts, startEvil } from './evil.ts'
import { adminKey, ask } from './seed.ts'

describeInBrowser('hostile texts', () => {
  let browser: Browser
  let evil: Evil
  let gateway: Running
  beforeAll(async () => {
    browser = await openBrowser()
    evil = await startEvil()
    gateway = await start({ API_MASTER_KEY: adminKey, ...evil.variables })
    await provoke()
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.[Symbol.asyncDispose]()
    await evil?.[Symbol.asyncDispose]()
  })

  /** Makes the hostile upstream and the tool server say everything, and sends hostile requests. */
  async function provoke(): Promise<void> {
    const chat = (model: string, content: string) =>
      ask(gateway.url, 'POST /v1/chat/completions', { model, stream: true, messages: [{ role: 'user', content }] })
    for (const model of Object.values(evilModels)) await chat(`evil/${model}`, hostileMarkdown)
    for (const text of hostileTexts) await chat(text, text)
    await ask(gateway.url, 'POST /admin/keys', { name: 'team', owner: hostileTexts[1] })
    await ask(gateway.url, 'POST /admin/upstreams/evil/test')
    const isReady = async () => (await ask(gateway.url, 'GET /api/servers')).includes('"connected"')
    await until(isReady, patienceMs, 'the tool server is there')
  }

  /** What the page has made of the texts, other than texts. */
  async function findEffects({ page }: Visit): Promise<readonly string[]> {
    return await page.evaluate<string[]>(`(() => {
      const found = []
      if ('owned' in window) found.push('a script ran')
      // a text that is alone in an element is as isolated as that element
      const isIsolated = (element) => /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi)
        || (element.parentElement.childNodes.length === 1 && isIsolated(element.parentElement))
      // in Markdown a link to another site may stand, which opens apart and is told nothing
      const isHarmless = (link) => /^(#\\/|blob:|$)/.test(link.getAttribute('href') ?? '') || (link.closest('.markdown')
        && /^(https?|mailto):$/.test(link.protocol) && link.target === '_blank' && link.relList.contains('noopener') && link.relList.contains('noreferrer'))
      const own = (element) => element.closest('head') || (element.tagName === 'SCRIPT' && element.src.startsWith(location.origin + '/console/'))
      const forbidden = 'script, iframe, frame, object, embed, base, meta, link, style, video, audio, source, [action], [formaction], [srcset], [srcdoc], [ping], [background], foreignObject, image, use, svg a, svg script'
      for (const element of document.querySelectorAll(forbidden)) if (!own(element)) found.push(element.outerHTML.slice(0, 100))
      for (const { outerHTML, src } of document.images) if (!/^data:image\\/(png|jpeg|gif|webp);base64,/.test(src)) found.push(outerHTML.slice(0, 100))
      for (const link of document.querySelectorAll('a')) if (!isHarmless(link)) found.push(link.outerHTML.slice(0, 100))
      for (const element of document.querySelectorAll('*'))
        for (const { name } of element.attributes) if (/^on/i.test(name)) found.push(name)
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      while (texts.nextNode()) {
        const { data, parentElement } = texts.currentNode
        if (!/[\\u202a-\\u202e\\u2066-\\u2069]/.test(data) || parentElement.closest('option, textarea, title')) continue
        if (!isIsolated(parentElement)) found.push('not isolated: ' + parentElement.outerHTML.slice(0, 100))
      }
      return found
    })()`)
  }

  async function expectInert(visited: Visit, where: string): Promise<void> {
    expect([where, await findEffects(visited), visited.faults]).toEqual([where, [], []])
    expect([where, visited.page.url().startsWith(`${gateway.url}/#`)]).toEqual([where, true])
  }

  /** Opens everything in the view that is folded. */
  async function unfold({ page }: Visit): Promise<void> {
    for (const closed of await page.locator('main details:not([open]) > summary').all())
      if (await closed.isVisible()) await closed.click()
    for (const closed of await page.locator('main button[aria-expanded="false"]').all())
      if (await closed.isVisible()) await closed.click()
  }

  for (const size of ['desktop', 'phone'] as const)
    test(`do nothing in any view, on a ${size}`, async () => {
      await using visited = await visit(browser, gateway.url, { key: adminKey, size })
      await settled(visited)
      for (const view of Object.keys(en.views)) {
        await show(visited, `#/${view}`)
        await unfold(visited)
        await expectInert(visited, view)
        expect([view, await findOverflow(visited), await findBarriers(visited)]).toEqual([view, [], []])
      }
    })

  test('do nothing in the details of a request', async () => {
    await using visited = await visit(browser, gateway.url, { key: adminKey })
    await settled(visited)
    const { data }: { readonly data: readonly { readonly id: string; readonly model: string }[] } = JSON.parse(
      await ask(gateway.url, 'GET /admin/requests'),
    )
    expect(data.length).toBeGreaterThanOrEqual(hostileTexts.length)
    for (const { id, model } of data.slice(0, 12)) {
      await show(visited, `#/requests/${encodeURIComponent(id)}`)
      await unfold(visited)
      await expectInert(visited, model)
    }
  })

  test('do nothing in the form and the result of a tool', async () => {
    await using visited = await visit(browser, gateway.url, { key: adminKey, hash: '#/tools' })
    const { page } = visited
    await settled(visited)
    await unfold(visited)
    await expectInert(visited, 'the form')
    await page.getByText(en.tools.asJson, { exact: true }).click()
    await page.getByLabel(en.tools.arguments).fill(JSON.stringify({ text: hostileTexts[0] }))
    await page.getByRole('button', { name: en.tools.run }).click()
    await page.getByRole('region', { name: en.tools.text }).waitFor()
    await expectInert(visited, 'the result')
    expect([await findOverflow(visited), await findBarriers(visited)]).toEqual([[], []])
  })

  for (const [what, model] of Object.entries(evilModels))
    test(`do nothing in an answer that ${what}s`, async () => {
      const hash = `#/try?model=${encodeURIComponent(`evil/${model}`)}`
      await using visited = await visit(browser, gateway.url, { key: adminKey, hash })
      const { page } = visited
      await settled(visited)
      for (const prompt of [hostileTexts[1], hostileMarkdown]) {
        await page.getByLabel(en.try.prompt).fill(prompt)
        await page.getByRole('button', { name: en.try.send, exact: true }).click()
        await page.locator('.answer[aria-busy="false"]').last().waitFor()
        await page.locator('.answer[aria-busy="true"]').waitFor({ state: 'detached' })
        await unfold(visited)
        // a refusal is told on the console by Chromium itself
        visited.faults.splice(
          0,
          visited.faults.length,
          ...visited.faults.filter((fault) => !/status of 4\d\d/.test(fault)),
        )
        await expectInert(visited, model)
      }
      expect([await findOverflow(visited), await findBarriers(visited)]).toEqual([[], []])
      // it is kept in the tab, and read again
      await page.reload()
      await settled(visited)
      await expectInert(visited, model)
    })

  test('do nothing in an address', async () => {
    await using visited = await visit(browser, gateway.url, { key: adminKey })
    await settled(visited)
    for (const text of hostileTexts) {
      const part = encodeURIComponent(text.toWellFormed())
      await show(visited, `#/requests/${part}?key=${part}&model=${part}`)
      expect([text, await findEffects(visited)]).toEqual([text, []])
    }
    for (const hash of [
      '#/%',
      '#/requests/%E0%A4%A',
      '#/__proto__',
      '#/constructor/constructor',
      '#//x',
      '#/home?%=%&__proto__=a',
    ]) {
      await visited.page.evaluate(`location.hash = '${hash}'`)
      await settled(visited)
    }
    expect(visited.faults.filter((fault) => !fault.includes('404'))).toEqual([])
  })
})
