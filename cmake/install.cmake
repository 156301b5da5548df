# SPDX-License-Identifier: MIT
# Where things go: emu_install_tool(name page...) for each tool, its page and its shell completions; emu_install_link for the
# names of the guests. Which package a tool belongs to is in one table; a new tool goes with the utilities.
include_guard(GLOBAL)
include(GNUInstallDirs)

# Regular expressions over names of tools, each with its package.
set(EMU_PACKAGES
    "^emu-system"           emu-system
    "^emu-user-static$"     emu-user-static
    "^emu-user$"            emu-user
    "^emu-ga$"              emu-guest-agent
    ".*"                    emu-utils)

function(emu_package_of out tool)
    set(rows ${EMU_PACKAGES})
    while(rows)
        list(POP_FRONT rows pattern package)
        if(tool MATCHES "${pattern}")
            set(${out} ${package} PARENT_SCOPE)
            set_property(GLOBAL APPEND PROPERTY EMU_USED_PACKAGES ${package})
            return()
        endif()
    endwhile()
endfunction()

find_program(EMU_GZIP gzip REQUIRED)

# A page, compressed as Debian wants it. `as`: the name it is found under, the page's own or a link's.
function(emu_install_page package page)
    string(REGEX REPLACE ".*\\." "" section ${page})
    set(plain ${PROJECT_BINARY_DIR}/man/${page})
    add_custom_command(OUTPUT ${plain}.gz COMMAND ${EMU_GZIP} -9nkf ${plain} DEPENDS ${plain} VERBATIM)
    add_custom_target(gz_${page} ALL DEPENDS ${plain}.gz)
    install(FILES ${plain}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${package})
endfunction()

# Completions of a program under one of its names, from the program itself.
function(emu_install_completions package target name)
    set(folder ${PROJECT_BINARY_DIR}/completions)
    foreach(row IN ITEMS bash:${name}:bash-completion/completions zsh:_${name}:zsh/vendor-completions fish:${name}.fish:fish/vendor_completions.d)
        string(REPLACE ":" ";" row ${row})
        list(POP_FRONT row shell file destination)
        file(MAKE_DIRECTORY ${folder}/${shell})
        add_custom_command(OUTPUT ${folder}/${shell}/${file} DEPENDS ${target} VERBATIM
                           COMMAND $<TARGET_FILE_DIR:${target}>/${name} --completion ${shell} > ${folder}/${shell}/${file})
        list(APPEND outputs ${folder}/${shell}/${file})
        install(FILES ${folder}/${shell}/${file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${destination} COMPONENT ${package})
    endforeach()
    add_custom_target(completions_${name} ALL DEPENDS ${outputs})
endfunction()

function(emu_install_tool tool)
    emu_package_of(package ${tool})
    set(destination ${CMAKE_INSTALL_BINDIR})
    foreach(page IN LISTS ARGN)
        if(page MATCHES "\\.8$") # for administrators
            set(destination ${CMAKE_INSTALL_SBINDIR})
        endif()
        emu_install_page(${package} ${page})
    endforeach()
    install(TARGETS ${tool} DESTINATION ${destination} COMPONENT ${package})
    emu_install_completions(${package} ${tool} ${tool})
endfunction()

# Another name of a tool, with the tool's page.
function(emu_install_link tool name page)
    emu_package_of(package ${tool})
    file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/links)
    file(CREATE_LINK ${tool} ${PROJECT_BINARY_DIR}/links/${name} SYMBOLIC)
    install(FILES ${PROJECT_BINARY_DIR}/links/${name} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${package})
    emu_install_completions(${package} ${tool} ${name})
    if(page)
        file(CREATE_LINK ${page}.gz ${PROJECT_BINARY_DIR}/links/${name}.1.gz SYMBOLIC)
        install(FILES ${PROJECT_BINARY_DIR}/links/${name}.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT ${package})
    endif()
endfunction()
