/** ChatKit's locales: `TranslatedLocale` of `@openai/chatkit` 1.9.0, and its fall-back, English. */

/** @typedef {NonNullable<import("@openai/chatkit").ChatKitOptions["locale"]>} SupportedLocale */

/** @satisfies {readonly SupportedLocale[]} */
export const LOCALES = /** @type {const} */ ([
  "en", "am", "ar", "bg-BG", "bn-BD", "bs-BA", "ca-ES", "cs-CZ", "da-DK", "de-DE", "el-GR", "es-419", "es-ES",
  "et-EE", "fi-FI", "fr-CA", "fr-FR", "gu-IN", "hi-IN", "hr-HR", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-IT",
  "ja-JP", "ka-GE", "kk", "kn-IN", "ko-KR", "lt", "lv-LV", "mk-MK", "ml", "mn", "mr-IN", "ms-MY", "my-MM", "nb-NO",
  "nl-NL", "pa", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "sl-SI", "so-SO", "sq-AL", "sr-RS", "sv-SE",
  "sw-TZ", "ta-IN", "te-IN", "th-TH", "tl", "tr-TR", "uk-UA", "ur", "vi-VN", "zh-CN", "zh-HK", "zh-TW",
]);

/**
 * @param {string} locale
 * @returns {locale is SupportedLocale}
 */
export function isSupported(locale) {
  return /** @type {readonly string[]} */ (LOCALES).includes(locale);
}

/**
 * @param {string} locale
 * @returns {string} its name in its own language.
 */
export function nameOf(locale) {
  return new Intl.DisplayNames([locale], { type: "language" }).of(locale) ?? locale;
}
