import type { Target } from './tree.ts'

/**
 * Where a link may lead, or undefined if it may lead nowhere: to a whole address of the web, or to a mail address. Relative
 * addresses would lead into this gateway.
 * @param text  the text of the link, as it is read
 */
export function targetOf(href: string, text: string): Target | undefined {
  // controls and spaces would be dropped by the browser, so what is checked would not be what is opened
  if (/[\p{Cc}\p{Cf}\s\\]/u.test(href)) return undefined
  if (/^mailto:[^?]/i.test(href)) return mailTarget(href, text)
  if (!/^https?:\/\//i.test(href) || !URL.canParse(href)) return undefined
  const url = new URL(href)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  return { href: url.href, host: namesHost(text, url) ? undefined : url.host }
}

function mailTarget(href: string, text: string): Target {
  const mail = href.slice('mailto:'.length).split('?')[0] ?? ''
  return { href: `mailto:${mail}`, host: mail === text ? undefined : mail }
}

/** Whether the text is an address of the same host, and looks like no other one. */
function namesHost(text: string, url: URL): boolean {
  if (url.username !== '' || url.password !== '' || !/^[\x21-\x7e]+$/.test(text)) return false
  const address = /^https?:\/\//i.test(text) ? text : `https://${text}`
  return URL.canParse(address) && new URL(address).host === url.host && !address.includes('@')
}
