/**
 * What a control does when it is used: its action is sent with the values of the form around it, and for as long as it is
 * answered the control, or the whole widget, shows that it works and takes no other.
 */

import { fieldValue, formValues, payloadWith } from "./forms.js";

/**
 * @typedef {{ type: string, payload?: any, handler?: "client" | "server", loadingBehavior?: string, streaming?: boolean }} ActionConfig
 * @typedef {"self" | "container" | "none"} Loading
 */

/**
 * @param {object} options
 * @param {(action: ActionConfig) => Promise<void>} options.send - resolves when the action has been answered.
 * @returns {RunAction}
 *
 * @typedef {(action: ActionConfig | undefined | null, control: HTMLElement, automatic: Loading) => void} RunAction -
 *   `automatic` is what `loadingBehavior: "auto"` means for this control.
 */
export function createActions({ send }) {
  return (action, control, automatic) => {
    const container = control.closest(".widget-root");
    if (!action || control.ariaBusy === "true" || !(container instanceof HTMLElement) || container.inert) return;
    const form = control.closest("form");
    const payload = payloadWith(action.payload, form ? formValues(form) : fieldValue(control));
    const { loadingBehavior = "auto" } = action;
    const loading = loadingBehavior === "auto" ? automatic : loadingBehavior;
    if (loading === "self") control.ariaBusy = "true";
    if (loading === "container") container.inert = true;
    void send({ ...action, payload }).finally(() => {
      control.ariaBusy = null;
      container.inert = false;
    });
  };
}
