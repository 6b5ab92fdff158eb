import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { chooseLanguage, type Language, language, languages, texts } from './i18n/index.ts'
import { Button } from './kit/button.tsx'
import { Icon, type IconName } from './kit/icon.tsx'
import { Toasts } from './kit/toast.tsx'
import { address, hrefOf } from './router.ts'
import { followEvents, isLive } from './session/live.ts'
import { enter, isAdmin, leave, signIn } from './session/me.ts'
import { chooseTheme, type Theme, theme } from './session/theme.ts'
import { SignInForm } from './sign-in-form.tsx'
import { ConnectView } from './views/connect/connect.tsx'
import { HomeView } from './views/home/home.tsx'
import { KeysView } from './views/keys/keys.tsx'
import { RequestsView } from './views/requests/requests.tsx'
import { SettingsView } from './views/settings/settings.tsx'
import { ToolsView } from './views/tools/tools.tsx'
import { TryView } from './views/try/try.tsx'
import { UpstreamsView } from './views/upstreams/upstreams.tsx'
import { UsageView } from './views/usage/usage.tsx'

interface ViewEntry {
  readonly name: IconName & keyof (typeof texts.value)['views']
  readonly show: ComponentType
  /** Whether only an admin may use it. */
  readonly isAdmins: boolean
}

const views: readonly ViewEntry[] = [
  { name: 'home', show: HomeView, isAdmins: true },
  { name: 'upstreams', show: UpstreamsView, isAdmins: true },
  { name: 'requests', show: RequestsView, isAdmins: true },
  { name: 'usage', show: UsageView, isAdmins: false },
  { name: 'keys', show: KeysView, isAdmins: true },
  { name: 'try', show: TryView, isAdmins: false },
  { name: 'tools', show: ToolsView, isAdmins: true },
  { name: 'connect', show: ConnectView, isAdmins: false },
  { name: 'settings', show: SettingsView, isAdmins: true },
]

/** The page: it asks for a key if one is needed, and shows the view that the address names. */
export function App() {
  useEffect(() => void enter(), [])
  const { words } = texts.value
  switch (signIn.value.kind) {
    case 'asking':
      return <p class="loading">{words.loading}</p>
    case 'refused':
      return (
        <>
          <SignInForm error={signIn.value.error} />
          <Toasts />
        </>
      )
    case 'known':
      return <House />
  }
}

function House() {
  const isAdmins = isAdmin()
  const allowed = views.filter((view) => isAdmins || !view.isAdmins)
  const usual = isAdmins ? 'home' : 'try'
  const { view } = address.value
  const current = allowed.find(({ name }) => name === view) ?? allowed.find(({ name }) => name === usual)
  useEffect(() => (isAdmins ? followEvents() : undefined), [isAdmins])
  useEffect(() => {
    if (!current) return
    document.title = `${texts.value.views[current.name]} · tributary`
    document.querySelector<HTMLElement>('.view h1')?.focus({ preventScroll: true })
  }, [current?.name, language.value])
  if (!current) return null
  const Show = current.show
  return (
    <div class="house">
      <button type="button" class="button skip" onClick={() => document.getElementById('main')?.focus()}>
        {texts.value.shell.skip}
      </button>
      <Sidebar views={allowed} current={current.name} />
      <main id="main" tabIndex={-1}>
        <Show key={current.name} />
      </main>
      <Toasts />
    </div>
  )
}

function Sidebar({ views, current }: { readonly views: readonly ViewEntry[]; readonly current: string }) {
  const { shell, views: names } = texts.value
  const isOpen = useSignal(false)
  // on a phone the menu closes when a view is chosen
  useEffect(() => void (isOpen.value = false), [current])
  return (
    <header class={isOpen.value ? 'sidebar open' : 'sidebar'}>
      <div class="brand">
        <span class="name">tributary</span>
        {isAdmin() && (
          <span class={isLive.value ? 'live on' : 'live'} title={isLive.value ? shell.live : shell.notLive}>
            <span class="unseen">{isLive.value ? shell.live : shell.notLive}</span>
          </span>
        )}
        <button
          type="button"
          class="button quiet menu"
          aria-expanded={isOpen.value}
          onClick={() => void (isOpen.value = !isOpen.value)}
        >
          <Icon name="menu" />
          <span class="unseen">{shell.menu}</span>
        </button>
      </div>
      <nav aria-label={shell.views}>
        {views.map(({ name }) => (
          <a key={name} href={hrefOf([name])} {...(name === current && { 'aria-current': 'page' as const })}>
            <Icon name={name} />
            {names[name]}
          </a>
        ))}
      </nav>
      <Choices />
    </header>
  )
}

/** The language, the colours and the way out. */
function Choices() {
  const { shell } = texts.value
  const known = signIn.value.kind === 'known' ? signIn.value.me : undefined
  return (
    <div class="choices">
      <select
        aria-label={shell.language}
        value={language.value}
        onChange={({ currentTarget }) => chooseLanguage(readLanguage(currentTarget.value))}
      >
        {Object.entries(languages).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={shell.colours}
        value={theme.value}
        onChange={({ currentTarget }) => chooseTheme(readTheme(currentTarget.value))}
      >
        {(['system', 'light', 'dark'] as const).map((name) => (
          <option key={name} value={name}>
            {shell.themes[name]}
          </option>
        ))}
      </select>
      {known?.needs_key && (
        <Button kind="quiet" onPress={leave}>
          {shell.leave}
        </Button>
      )}
      <p class="version">{known?.version}</p>
    </div>
  )
}

function readLanguage(text: string): Language {
  return text === 'zh' ? 'zh' : 'en'
}

function readTheme(text: string): Theme {
  return text === 'light' || text === 'dark' ? text : 'system'
}
