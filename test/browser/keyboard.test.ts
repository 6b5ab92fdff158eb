/** The whole page with the keyboard alone. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { type Running, start } from '../e2e/program.ts'
import { describeInBrowser, openBrowser, settled, show, type Visit, visit } from './browser.ts'
import { adminKey, seed } from './seed.ts'

describeInBrowser('with the keyboard', () => {
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

  /** Numbers every control that can be seen and used; what a closed `<details>` or menu hides cannot. @returns their texts */
  async function numberControls({ page }: Pick<Visit, 'page'>, within: string): Promise<readonly string[]> {
    return await page.evaluate<string[]>(`(() => {
      const usual = 'a[href], button, input, select, textarea, summary, [tabindex]'
      const controls = [...document.querySelectorAll('${within} ' + ':is(' + usual + ')')].filter((element) =>
        element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true }) && !element.closest('[inert]'))
      // of a group of radio buttons Tab reaches one, and the arrows the others
      const groups = new Map()
      const reached = controls.filter((element) => {
        if (element.type !== 'radio') return true
        const chosen = document.querySelector('input[name="' + CSS.escape(element.name) + '"]:checked')
        if (chosen) return chosen === element
        if (groups.has(element.name)) return false
        return groups.set(element.name, element)
      })
      for (const element of document.querySelectorAll('[data-control]')) element.removeAttribute('data-control')
      return reached.map((element, at) => {
        element.dataset.control = at
        return element.outerHTML.slice(0, 120)
      })
    })()`)
  }

  interface Focus {
    readonly control: number | undefined
    readonly isMarked: boolean
    readonly html: string
  }

  /** What has the focus, and whether one can see that. */
  async function focusOf(page: Page): Promise<Focus> {
    return await page.evaluate<Focus>(`(() => {
      const element = document.activeElement
      const marked = [element, element.closest('label'), element.nextElementSibling, element.parentElement]
      const isMarked = marked.some((one) => {
        if (!one || one === document.body) return false
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
        return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none'
      })
      const { control } = element.dataset
      return { control: control === undefined ? undefined : Number(control), isMarked, html: element.outerHTML.slice(0, 120) }
    })()`)
  }

  test('Tab reaches every control of every view, and shows where it is', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey })
    await settled(visited)
    const { page } = visited
    for (const view of Object.keys(en.views)) {
      await show(visited, `#/${view}`)
      const controls = await numberControls(visited, 'body')
      expect(controls.length).toBeGreaterThan(10)
      await page.evaluate('document.activeElement.blur()')
      const reached = new Set<number>()
      const unmarked: string[] = []
      for (let presses = 0; presses < 2 * controls.length && reached.size < controls.length; presses++) {
        await page.keyboard.press('Tab')
        const { control, isMarked, html } = await focusOf(page)
        if (control !== undefined) reached.add(control)
        if (control !== undefined && !isMarked) unmarked.push(html)
      }
      const missed = controls.filter((_, at) => !reached.has(at))
      expect([view, missed, unmarked]).toEqual([view, [], []])
    }
    expect(visited.faults).toEqual([])
  })

  test('the first control skips the views, and is seen when it has the focus', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey, hash: '#/usage' })
    const { page } = visited
    await settled(visited)
    expect((await numberControls(visited, 'body'))[0]).toContain(en.shell.skip)
    const skip = page.getByRole('button', { name: en.shell.skip })
    expect((await skip.boundingBox())?.x).toBeLessThan(0)
    await skip.focus()
    expect((await skip.boundingBox())?.x).toBeGreaterThanOrEqual(0)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate<boolean>("document.activeElement.closest('main') !== null")).toBe(true)
  })

  test('a view that is opened has the focus at its title, and its name in the title of the tab', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey })
    const { page } = visited
    await settled(visited)
    for (const view of ['usage', 'connect'] as const) {
      await page.locator(`.sidebar nav a[href="#/${view}"]`).focus()
      await page.keyboard.press('Enter')
      await page.locator('h1:focus', { hasText: en.views[view] }).waitFor()
      expect(await page.title()).toContain(en.views[view])
    }
  })

  test('on a phone the menu opens and closes, and says so', async () => {
    await using visited = await visit(browser, demo.url, { key: adminKey, size: 'phone' })
    const { page } = visited
    await settled(visited)
    const menu = page.getByRole('button', { name: en.shell.menu })
    expect(await page.locator('.sidebar nav').isVisible()).toBe(false)
    await menu.focus()
    await page.keyboard.press('Enter')
    expect(await menu.getAttribute('aria-expanded')).toBe('true')
    await page.locator('.sidebar nav a', { hasText: en.views.usage }).focus()
    await page.keyboard.press('Enter')
    await page.locator('h1:focus', { hasText: en.views.usage }).waitFor()
    expect(await page.locator('.sidebar nav').isVisible()).toBe(false)
    expect(await menu.getAttribute('aria-expanded')).toBe('false')
  })

  /** A view, and the name of a button in it that opens a dialog. */
  const dialogs: readonly (readonly [view: string, button: string | RegExp])[] = [
    ['upstreams', en.upstreams.add],
    ['upstreams', en.upstreams.addAccount],
    ['upstreams', en.upstreams.account.rest],
    ['keys', en.keys.make],
    ['keys', en.keys.revoke],
  ]
  for (const [view, name] of dialogs)
    test(`the dialog of ${view}, ${name}, keeps the focus, and gives it back`, async () => {
      await using visited = await visit(browser, demo.url, { key: adminKey, hash: `#/${view}` })
      const { page } = visited
      await settled(visited)
      const opener = page.locator('main').getByRole('button', { name }).first()
      for (const close of ['Escape', 'button'] as const) {
        await opener.focus()
        await page.keyboard.press('Enter')
        await page.locator('dialog[open]').waitFor()
        const controls = await numberControls(visited, 'dialog[open]')
        const reached = new Set<number>()
        for (let presses = 0; presses < 2 * controls.length + 2; presses++) {
          await page.keyboard.press('Tab')
          // between the last and the first control the focus may be on the browser itself, which a page sees as its body
          const place = await page.evaluate<string>(
            "document.activeElement.closest('dialog[open], main, nav')?.tagName",
          )
          expect([view, place ?? 'DIALOG']).toEqual([view, 'DIALOG'])
          const { control } = await focusOf(page)
          if (control !== undefined) reached.add(control)
        }
        expect([view, controls.filter((_, at) => !reached.has(at))]).toEqual([view, []])
        if (close === 'Escape') await page.keyboard.press('Escape')
        else await page.locator('dialog').getByRole('button', { name: en.words.close, exact: true }).press('Enter')
        await page.locator('dialog[open]').waitFor({ state: 'detached' })
        expect(await opener.evaluate((element) => element.matches(':focus'))).toBe(true)
      }
      expect(visited.faults).toEqual([])
    })
})
