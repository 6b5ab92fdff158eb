/** Nights on which something is wrong, as the home view shows them: the cause, and the step to take, each in words. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser } from 'playwright-core'
import { en } from '../../src/console/page/i18n/en.ts'
import { zh } from '../../src/console/page/i18n/zh.ts'
import { nights } from '../bad-nights.ts'
import { nightKey } from '../nights/rig.ts'
import { describeInBrowser, findBarriers, findOverflow, openBrowser, settled, type Visit, visit } from './browser.ts'

/** What somebody who looks must read, by the kind of the need: the cause, and the safest next step. */
const words: Readonly<Record<(typeof nights)[number]['kind'], readonly [cause: RegExp, step: RegExp]>> = {
  no_upstream: [/no upstream/i, /add/i],
  account_needs_login: [/session of the account .+ has ended/, /sign in .* private window.* paste/i],
  account_banned: [/has blocked the account/, /what its terms say.*do not replace the account/i],
  account_refused: [/refuses the credential of the account/, /revoked or has no credit.* paste a new one/],
  account_exhausted: [/quota of the account .+ is used up/, /^Next Wait/],
  account_challenged: [/page that checks for a person/, /your own browser.*never solves/],
  account_resting: [/The account .+ rests/, /Nothing: it is used again/],
  account_expires_soon: [/session of the account .+ ends .+ nothing renews it/, /new session before that/],
  upstream_unreachable: [/cannot be reached at 127\.0\.0\.1/, /has a network.* Then test it/],
  upstream_failing: [/fails: \d+ requests in a row/, /status page.*route with a second upstream/],
  upstream_used_up: [/No account of .+ may be asked now/, /Wait.*another upstream/],
  upstream_wrong_address: [/The address of .+ is wrong/, /Correct .*\/v1/],
  upstream_outdated: [/no longer accepts what this version/, /Update tributary/],
  model_failing: [/The model .+ of .+ fails/, /use another model/],
  drift: [/The answers of .+ have changed/, /Look at the shape/],
  tool_server_failed: [/The tool server .+ has failed/, /restart it/],
  tool_command_missing: [/does not have the command/, /Install .*restart the tool server/],
  store_failing: [/The state cannot be written/, /STATE_URL/],
  disk_full: [/The disk is full/, /Free some space/],
  redis_gone: [/Redis cannot be reached/, /Start Redis/],
  clock_off: [/clock of this machine is \d+ seconds ahead/, /timedatectl set-ntp true/],
  budget_spent: [/has spent its budget of/, /Raise the budget/],
  budget_near: [/has used \d+% of its budget/, /Raise the budget/],
  key_expired: [/The key .+ has expired/, /longer time or a new key/],
  cache_broken: [/breaks the prompt cache/, /Look at the request/],
  overloaded: [/more to do than it can/, /MAX_STREAMS|WORKERS|memory|larger machine/],
  open_to_everyone: [/Everybody who reaches this machine/, /Set API_MASTER_KEY/],
  weak_key: [/is easy to guess/, /openssl rand/],
  reload_failed: [/new settings have a problem/, /read the settings again/],
  log_dropped: [/lines of the log were dropped/, /what reads the output/],
}

describeInBrowser('the home view says the cause and the step when', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
  })

  for (const night of nights)
    test(night.name, async () => {
      await using staged = await night.stage()
      await using visited = await visit(browser, staged.url, { key: nightKey, size: 'phone' })
      await settled(visited)
      if (night.kind === 'no_upstream') return await expectFirstSteps(visited)
      const [cause, step] = words[night.kind]
      const card = visited.page.locator('.need', { has: visited.page.locator('h3', { hasText: cause }) })
      await card.waitFor()
      expect(await card.locator('.need-step').textContent()).toMatch(step)
      const when = await card.locator('.need-when').textContent()
      expect(when).toContain(severities[night.severity])
      // another attempt ends nothing
      if (/unreachable|failing|expires/.test(night.kind)) expect(when).not.toContain(en.home.ends)
      expect([await findOverflow(visited), visited.faults]).toEqual([[], []])
    })

  const severities = { urgent: 'Urgent', warning: 'Soon', note: 'Note' } as const

  async function expectFirstSteps(visited: Visit): Promise<void> {
    await visited.page.locator('.first-steps h2').waitFor()
    expect(await visited.page.locator('.first-steps a').count()).toBe(3)
    expect(visited.faults).toEqual([])
  }

  test('it is read in Chinese', async () => {
    const night = nights.find(({ kind }) => kind === 'upstream_unreachable')
    if (!night) throw new Error('there is no such night')
    await using staged = await night.stage()
    await using visited = await visit(browser, staged.url, { key: nightKey, language: 'zh' })
    await settled(visited)
    const card = visited.page.locator('.need').first()
    expect(await card.locator('.need-when').textContent()).toContain(zh.home.severities.urgent)
    expect(await card.locator('h3').textContent()).toMatch(/\p{Script=Han}{3}/u)
    expect(await card.locator('.need-step').textContent()).toMatch(/\p{Script=Han}{5}/u)
    expect(await findBarriers(visited)).toEqual([])
    expect(visited.faults).toEqual([])
  })
})
