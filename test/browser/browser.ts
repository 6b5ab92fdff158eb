import { describe } from 'bun:test'
import { source as axeSource } from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { build } from '../e2e/program.ts'

/** Names of Chromium on PATH: Debian's, those of other systems, and Chrome's. */
const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const executablePath = names.map((name) => Bun.which(name)).find((path) => path !== null)
const mustRun = process.env.CI !== undefined

if (!executablePath && !mustRun)
  console.warn('The tests in a browser are skipped: no Chromium is on PATH. On Debian: apt-get install chromium')

/** `describe` for tests in a browser. Without Chromium they are skipped, but never in CI. */
export const describeInBrowser = describe.skipIf(!executablePath && !mustRun)

/** Milliseconds after which a wait in a browser is a hang. */
export const patienceMs = 60_000

/** Opens Chromium, and builds the executable that it is to ask. No name but our own address resolves in it. */
export async function openBrowser(): Promise<Browser> {
  await build()
  if (!executablePath) throw new Error('No Chromium is on PATH. On Debian: apt-get install chromium')
  return await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'],
  })
}

export const sizes = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1280, height: 800 },
} as const

interface VisitOptions {
  readonly language?: 'en' | 'zh'
  readonly theme?: 'light' | 'dark'
  readonly size?: keyof typeof sizes
  /** A key of the gateway, which the tab has from the beginning. */
  readonly key?: string
  /** A part of the address after `/`, such as `#/usage`. */
  readonly hash?: string
}

/** A page in a tab of its own, so that no test sees what another has kept, and everything that must not happen in it. */
export interface Visit extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors and warnings on the console, errors of scripts, dialogs, and requests to another origin. */
  readonly faults: string[]
  /** The paths that were asked, with their queries. */
  readonly asked: string[]
}

/** The contexts of a browser, by what their pages have in common. A new one for each page would double the time of the tests. */
const contexts = new WeakMap<Browser, Map<string, Promise<BrowserContext>>>()

function contextFor(browser: Browser, options: Omit<VisitOptions, 'hash'>): Promise<BrowserContext> {
  const known = contexts.get(browser) ?? new Map<string, Promise<BrowserContext>>()
  contexts.set(browser, known)
  const name = JSON.stringify(options)
  const context = known.get(name) ?? newContext(browser, options)
  known.set(name, context)
  return context
}

async function newContext(browser: Browser, options: Omit<VisitOptions, 'hash'>): Promise<BrowserContext> {
  const { language = 'en', theme = 'light', size = 'desktop', key } = options
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(patienceMs)
  if (key !== undefined)
    await context.addInitScript({ content: `sessionStorage.setItem('tributary-key', ${JSON.stringify(key)})` })
  return context
}

/** Opens the console of the gateway at `url`. */
export async function visit(
  browser: Browser,
  url: string,
  { hash = '', ...options }: VisitOptions = {},
): Promise<Visit> {
  const context = await contextFor(browser, options)
  const page = await context.newPage()
  const watched = watch(page, url)
  await page.goto(`${url}/${hash}`)
  return { page, context, ...watched, [Symbol.asyncDispose]: () => page.close() }
}

/** Notes what a page does. */
export function watch(page: Page, url: string): Pick<Visit, 'faults' | 'asked'> {
  const faults: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      faults.push(`console: ${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', ({ message }) => faults.push(`script: ${message}`))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const address = request.url()
    if (address.startsWith(`${url}/`)) asked.push(address.slice(url.length))
    else if (!/^(data|blob):/.test(address)) faults.push(`foreign: ${address}`)
  })
  page.on('popup', (popup) => faults.push(`popup: ${popup.url()}`))
  return { faults, asked }
}

/** Shows a view, and waits until it has loaded. */
export async function show({ page }: Pick<Visit, 'page'>, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  const [view = ''] = hash.split(/(?<=#\/\w+)\b/)
  await page.locator(`.sidebar nav a[aria-current][href^="${view}"]`).waitFor({ state: 'attached' })
  await settled({ page })
}

/** Waits until the shown view has loaded. */
export async function settled({ page }: Pick<Visit, 'page'>): Promise<void> {
  await page.locator('.view h1, .sign-in h1').waitFor({ state: 'attached' })
  await page.locator('.loading').first().waitFor({ state: 'detached' })
}

const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** What axe finds wrong with the page: the rule, and the elements. */
export async function findBarriers({ page }: Pick<Visit, 'page'>): Promise<readonly string[]> {
  // only what a test evaluates is not bound by the page's policy
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axeSource)
  return await page.evaluate<string[]>(`(async () => {
    const { violations } = await axe.run(document, { runOnly: ${JSON.stringify(rules)} })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
      [id, html.slice(0, 200), failureSummary.replaceAll('\\n', ' ').slice(0, 200)].join(': ')))
  })()`)
}

/** The elements that reach beyond the right edge of the window, if the page can be scrolled to the side. */
export async function findOverflow({ page }: Pick<Visit, 'page'>): Promise<readonly string[]> {
  return await page.evaluate<string[]>(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const wide = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5)
    return [scrollWidth + ' px wide', ...wide.slice(0, 8).map((element) => element.outerHTML.slice(0, 120))]
  })()`)
}
