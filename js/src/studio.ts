// What the kernel hands out when it is needed (modules.ts): the parts of the page that only work with a kernel.
export { createLivePanel as live } from "./livepanel.ts";
