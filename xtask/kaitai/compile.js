// Compiles a Kaitai Struct description to Python: node compile.js DESCRIPTION FOLDER

const fs = require("fs");
const path = require("path");
const yaml = require("js-yaml");
const compiler = require("kaitai-struct-compiler");

const [description, folder] = process.argv.slice(2);
const parsed = yaml.load(fs.readFileSync(description, "utf-8"));

compiler.compile("python", parsed, null, false).then(
    (files) => {
        for (const [name, text] of Object.entries(files)) {
            fs.writeFileSync(path.join(folder, name), text);
        }
    },
    (error) => {
        console.error(`${description}: ${error.message || error}`);
        process.exit(1);
    },
);
